// pdata_survey IMAGE...: counts of functions, descriptors or prologues, what could not be decoded,
// and where unwinder and code disagree.
#include "survey.h"

#include <cstring>

#include <fmt/format.h>

namespace dumptriage::survey {

void Counts::print() const {
  for (const auto& [what, row] : rows_) {
    fmt::print("  {:8} {}", row.count, what);
    for (const std::uint64_t place : row.places) fmt::print(" {:x}", place);
    fmt::print("\n");
  }
}

memory::ReadOutcome Memory::read(std::uint64_t address, std::span<std::byte> out) const {
  memory::ReadOutcome outcome;
  while (outcome.got < out.size()) {
    const std::uint64_t at = address + outcome.got;
    const auto left = out.subspan(outcome.got);
    if (const auto value = word(at)) {
      const std::size_t from = at % 8, take = std::min<std::size_t>(8 - from, left.size());
      std::memcpy(left.data(), reinterpret_cast<const char*>(&*value) + from, take);
      outcome.got += take;
      continue;
    }
    const std::uint64_t rva = at - image_.preferred_base;
    std::size_t got = 0;
    if (rva < image_.size_of_image) got = image_.read_rva(static_cast<std::uint32_t>(rva), left);
    if (got == 0) {
      outcome.presence = memory::Presence::absent;
      break;
    }
    outcome.got += got;
  }
  return outcome;
}
std::optional<memory::AddressSpace::Range> Memory::range_around(std::uint64_t address) const {
  const std::uint64_t end = image_.preferred_base + image_.size_of_image;
  if (address >= image_.preferred_base && address < end) return Range{image_.preferred_base, end};
  return word(address) ? std::optional(Range{address & ~7ull, (address & ~7ull) + 8})
                       : std::nullopt;
}

arch::FunctionLookup Functions::find(std::uint64_t pc, arch::FunctionEntry& entry) const {
  const std::uint64_t rva = pc - image_.preferred_base;
  if (rva >= image_.size_of_image) return arch::FunctionLookup::unknown;
  const auto answer = image_.find_function(static_cast<std::uint32_t>(rva), entry);
  entry.image_base = image_.preferred_base;
  return answer;
}

} // namespace dumptriage::survey

int main(int count, char** arguments) {
  using namespace dumptriage;
  int failed = 0;
  for (int i = 1; i < count; ++i) {
    auto image = image::open_file(arguments[i], memory::Origin::image);
    if (!image) {
      fmt::print("{}: {}\n", arguments[i], image.error().message());
      ++failed;
      continue;
    }
    fmt::print("{}: {}\n", arguments[i], arch::name_of((*image)->machine));
    survey::Counts counts;
    switch ((*image)->machine) {
    case arch::Machine::ia64: survey::survey_ia64(**image, counts); break;
    case arch::Machine::alpha:
    case arch::Machine::alpha64: survey::survey_alpha(**image, counts); break;
    default: fmt::print("  not an image of Itanium or Alpha\n");
    }
    counts.print();
  }
  return failed != 0;
}
