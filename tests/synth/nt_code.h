// synth: images of a Windows machine on paper.  Their functions are code that really saves, calls
// and returns, so that a stack laid by it (nt_stack.h) can be walked from the bytes alone: x86 with
// frame pointers, x64 with .pdata.  Calls into another image go through a slot in .data, as import
// tables do.  Symbols of an image come in the forms that its time had.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "synth/pe_writer.h"

namespace dumptriage::synth {

struct NtFunction {
  enum class Kind {
    plain,
    trap,         // entered by the CPU with an error code; builds a KTRAP_FRAME
    swap_context, // x86: what lies at KernelStack of a thread that waits
    swap_caller,  // x86: its caller, which saves the registers
  };
  std::string name; // one of its kind in the whole machine
  bool exported = false;
  unsigned parameters = 0; // x86: words that its caller pushes
  unsigned locals = 0x20;  // bytes
  Bytes body{};            // in front of the calls; the program counter of a fault is its start
  std::vector<std::string> calls{};
  Kind kind = Kind::plain;

  // Where link() put it.
  std::uint32_t rva = 0, size = 0, body_rva = 0;
  std::vector<std::uint32_t> returns{}; // behind each call
};

struct NtImage {
  std::string path;
  std::uint64_t base = 0;
  std::uint32_t timestamp = 0, checksum = 0x1234;
  std::array<std::uint16_t, 4> version{};
  std::vector<NtFunction> functions;
  std::string debug_file; // "netbt.pdb" or "sys\\mup.dbg": what the image's debug directory names

  std::string file_name() const; // "netbt.sys"
  std::string stem() const;      // "netbt"
  std::uint32_t size_of_image() const;
};

class NtCode {
public:
  explicit NtCode(bool wide) : wide_(wide) {}

  NtImage& add(NtImage image);
  void link(); // all images are there

  bool wide() const { return wide_; }
  const std::deque<NtImage>& images() const { return images_; }
  // All throw std::out_of_range for a name that no image has.
  const NtImage& home(const std::string& name) const;
  const NtFunction& function(const std::string& name) const;
  std::uint64_t address(const std::string& name) const; // where it begins
  std::uint64_t body(const std::string& name) const;
  std::uint64_t return_address(const std::string& caller, const std::string& callee) const;

  // `exports`: with its table of exports; without, as when the pages of the table are not there.
  PeWriter image(const NtImage& image, bool exports = true) const;

  // Where an image's code begins and the parts of it that symbols count in.
  static constexpr std::uint32_t kText = 0x1000, kData = 0x3000, kConst = 0x4000, kEnd = 0x5000;

private:
  void place(NtFunction& function, std::uint32_t rva) const;
  Bytes code(const NtImage& image, const NtFunction& function) const;
  Bytes constants(const NtImage& image, bool exports, PeWriter& pe) const;
  std::vector<std::string> foreign(const NtImage& image) const; // one slot each, in .data

  bool wide_;
  std::deque<NtImage> images_;
};

// The levels of symbols.
enum class NtSymbols { full, publics };
// .DBG as NT 4 had them: CodeView procedures, or COFF names.
Bytes nt_dbg(const NtImage& image, NtSymbols level);
// PDB 2.00, which Server 2003 reads as well: procedures and publics, or publics.
Bytes nt_pdb(const NtImage& image, NtSymbols level);

} // namespace dumptriage::synth
