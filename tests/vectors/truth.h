// What is asked of an unwinder about a snapshot, and how its answers are judged.
//
// A frame given as proved with a wrong pc, sp, bsp, cfm, or with a preserved register that is known
// and differs, is wrong.  A preserved register left unknown is missing.  Where the unwinder says
// that it cannot go on, the rest of the stack is unsupported, with its reason.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "arch/arch.h"
#include "vectors/layout.h"
#include "vectors/snapshots.h"

namespace dumptriage::vectors {

// The registers that the context of the snapshot gives.
arch::Registers start_of(const Snapshot& snapshot, arch::Machine machine);

// The frames to be found, the innermost included: those up to cmain, which _start calls.
std::size_t frames_of(const Snapshot& snapshot);

struct Known {
  int index = 0;
  std::uint64_t value = 0, mask = ~std::uint64_t{0};
};
// Where a caller's frame lies: pc, sp, of Itanium also bsp and the frame marker.
std::vector<Known> place_of(const Frame& frame, arch::Machine machine);
// The preserved registers of a caller; none where the recorder says that they do not hold.
std::vector<Known> registers_of(const Snapshot& snapshot, std::size_t frame, arch::Machine machine);

// Of the stacked registers r32 ... of a frame at `bsp`, in the backing store.
std::uint64_t stacked_slot(std::uint64_t bsp, unsigned index);

struct Score {
  std::string name;
  std::size_t snapshots = 0, whole = 0; // whole: every frame right, nothing wrong or missing
  std::size_t frames = 0, frames_right = 0;
  std::size_t registers = 0, registers_right = 0, registers_missing = 0;
  std::size_t unsupported = 0, wrong = 0; // snapshots; values
  struct Reason {
    std::size_t count = 0;
    std::string example;
  };
  std::map<std::string, Reason> reasons; // "function: why"

  std::vector<std::string> wrongs, missing; // the first few
  // Adds what another score counted.
  void add(const Score& other);
  bool perfect() const {
    return wrong == 0 && frames == frames_right && registers == registers_right;
  }
};
std::string print(const Score& score);

// Judges one walk, frame by frame from the first caller on.
class Judge {
public:
  Judge(Score& score, const Snapshot& snapshot, arch::Machine machine);
  ~Judge();
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;
  bool done() const { return next_ >= last_ || stopped_; }
  // The next caller.  `stacked`: reads its r32 ..., null where there is none.
  void caller(const arch::Registers& registers, const memory::AddressSpace& memory);
  void unsupported(const std::string& reason, const std::string& example = {});
  std::size_t next() const { return next_; }
  bool is_whole() const { return next_ >= last_ && !stopped_ && good_; }

private:
  void wrong(const std::string& what);
  void compare(const arch::Registers& registers, const Known& known);
  void stacked(const arch::Registers& registers, const memory::AddressSpace& memory);
  Score& score_;
  const Snapshot& snapshot_;
  arch::Machine machine_;
  std::size_t next_ = 1, last_;
  bool stopped_ = false, good_ = true;
};

} // namespace dumptriage::vectors
