// What a symbol file says about the frame of a 32-bit x86 function: FrameData and FPO records of a
// PDB or DBG file, STACK WIN of a Breakpad file.  Sizes in bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "memory/address_space.h"

namespace dumptriage::arch {

struct FrameData {
  enum class Kind {
    program,       // `program` gives the caller's registers
    fpo,           // no frame: the return address lies above locals and saved registers
    frame_pointer, // ebp is the frame, behind the prologue
    trap,          // a trap frame lies at ebp
    tss,           // a task switch: the caller is in another TSS
  };
  Kind kind = Kind::program;
  std::uint64_t start = 0;    // address of the code that the record covers
  std::uint64_t function = 0; // address of the function around it; 0 = not known
  std::uint32_t size = 0, prologue = 0;
  std::uint32_t locals = 0, parameters = 0, saved_registers = 0;
  bool saves_ebp = false; // of `fpo`: ebp is used for something else
  std::string program;    // "$T0 .raSearch = $eip $T0 ^ = $esp $T0 4 + ="
  memory::Origin origin = memory::Origin::image;
};

// The registers ("$eip") and constants (".cbLocals") that a program reads and sets.
template <class Word> using ProgramVariables = std::map<std::string, Word, std::less<>>;
using FrameVariables = ProgramVariables<std::uint32_t>;

// Runs a program in postfix form over unsigned words of 32 or 64 bits: + - * / %, @ (align down),
// ^ (the word at), = (set).  False when it is malformed, reads what is not known, or memory is
// missing; then `variables` is of no use.  Words and operators: Microsoft's DIA documentation
// (IDiaFrameData:: get_program) and Breakpad's postfix_evaluator.
template <class Word, class ReadWord>
bool run_frame_program(std::string_view program, ProgramVariables<Word>& variables,
                       ReadWord&& read_word);

} // namespace dumptriage::arch

#include "arch/frame_program.h" // the template's body
