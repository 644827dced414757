// Mutants of one sample: numbered, so that each can be made again.  Changes are made in place and
// taken back; only a cut sample is a copy, of exactly its size, so that a sanitizer sees a read
// behind its end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dumptriage::torture {

using Bytes = std::vector<std::uint8_t>;

struct Stretch {
  std::uint64_t start = 0, length = 0;
};

struct Sample {
  std::string name;
  Bytes bytes;
  std::vector<std::uint64_t> cuts; // sizes of the cut copies
  std::uint64_t flips = 0;         // copies with random changes
  std::vector<Stretch> hot;        // where headers, directories and tables begin
  // Where words that look like addresses or page-table entries stand, and how wide they are.
  std::vector<std::uint64_t> links;
  unsigned link_size = 8;
  std::vector<std::uint64_t> addresses; // whose pool blocks are asked for
  // Mutants are numbered: the cuts, then the flips.
  std::uint64_t mutants() const { return cuts.size() + flips; }
};

// SplitMix64: small, and the same everywhere.
std::uint64_t mix(std::uint64_t x);

class Mutant {
public:
  Mutant(Sample& sample, std::uint64_t index, std::uint64_t seed);
  ~Mutant();
  Mutant(const Mutant&) = delete;
  Mutant& operator=(const Mutant&) = delete;
  const std::uint8_t* data() const { return cut_ ? copy_.data() : sample_.bytes.data(); }
  std::size_t size() const { return cut_ ? copy_.size() : sample_.bytes.size(); }

private:
  void set(std::uint64_t at, std::uint8_t value);
  void change(std::uint64_t state);
  void change_link(std::uint64_t state);
  struct Old {
    std::uint64_t at;
    std::uint8_t value;
  };
  Sample& sample_;
  bool cut_;
  Bytes copy_;
  std::vector<Old> old_;
};

// "cut at 17", "flip 4".
std::string describe(const Sample& sample, std::uint64_t index);

} // namespace dumptriage::torture
