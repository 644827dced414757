// Reads every function of Itanium and Alpha images by its .pdata, and compares what the unwinders
// say with what the code itself does when it is followed from top to bottom.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "arch/arch.h"
#include "image/image.h"

namespace dumptriage::survey {

// What was counted, with where the first few were.
class Counts {
public:
  void add(const std::string& what, std::uint64_t place) {
    Row& row = rows_[what];
    ++row.count;
    if (row.places.size() < kExamples) row.places.push_back(place);
  }
  void add(const std::string& what) { ++rows_[what].count; }
  void print() const;

private:
  static constexpr std::size_t kExamples = 3;
  struct Row {
    std::size_t count = 0;
    std::vector<std::uint64_t> places;
  };
  std::map<std::string, Row> rows_;
};

// An image at its preferred base, and words that a made-up thread has written.
class Memory final : public memory::AddressSpace {
public:
  explicit Memory(const image::Image& image) : image_(image) {}
  memory::ReadOutcome read(std::uint64_t address, std::span<std::byte> out) const override;
  std::optional<Range> range_around(std::uint64_t address) const override;

  void put(std::uint64_t address, std::uint64_t value) { words_[address & ~7ull] = value; }
  std::optional<std::uint64_t> word(std::uint64_t address) const {
    const auto found = words_.find(address & ~7ull);
    return found == words_.end() ? std::nullopt : std::optional(found->second);
  }
  void clear() { words_.clear(); }

private:
  const image::Image& image_;
  std::map<std::uint64_t, std::uint64_t> words_; // by multiples of 8
};

class Functions final : public arch::UnwindSource {
public:
  explicit Functions(const image::Image& image) : image_(image) {}
  arch::FunctionLookup find(std::uint64_t pc, arch::FunctionEntry& entry) const override;

private:
  const image::Image& image_;
};

// A value that stands for nothing in particular, different for each of `what`.
constexpr std::uint64_t made_up(std::uint64_t what) {
  return (what + 1) * 0x9E3779B97F4A7C15 >> 8 << 8;
}

void survey_ia64(const image::Image& image, Counts& counts);
void survey_alpha(const image::Image& image, Counts& counts);

} // namespace dumptriage::survey
