#include "torture/mutate.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include <fmt/format.h>

namespace dumptriage::torture {
namespace {

// Where a change goes: half anywhere, half where headers, directories and tables begin.
std::uint64_t place(const Sample& sample, std::uint64_t draw) {
  std::uint64_t size = sample.bytes.size(), start = 0, length = size;
  if ((draw & 1) && !sample.hot.empty()) {
    const Stretch& hot = sample.hot[(draw >> 1) % sample.hot.size()];
    start = hot.start;
    length = hot.length;
  }
  if (start >= size) start = 0;
  return start + (draw >> 8) % std::min(length, size - start);
}

} // namespace

std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

Mutant::Mutant(Sample& sample, std::uint64_t index, std::uint64_t seed)
    : sample_(sample), cut_(index < sample.cuts.size()) {
  if (cut_) {
    copy_.assign(sample.bytes.begin(),
                 sample.bytes.begin() + static_cast<std::ptrdiff_t>(sample.cuts[index]));
    return;
  }
  std::uint64_t state = mix(seed ^ mix(index)) ^ sample.bytes.size();
  std::uint64_t count = 1 + mix(state) % 8;
  for (std::uint64_t i = 0; i < count; ++i) {
    state = mix(state + i);
    if (!sample.links.empty() && (state >> 60) < 8)
      change_link(state);
    else
      change(state);
  }
}

Mutant::~Mutant() {
  for (auto old = old_.rbegin(); old != old_.rend(); ++old) sample_.bytes[old->at] = old->value;
}

void Mutant::set(std::uint64_t at, std::uint8_t value) {
  if (at >= sample_.bytes.size()) return;
  old_.push_back({at, sample_.bytes[at]});
  sample_.bytes[at] = value;
}

void Mutant::change(std::uint64_t state) {
  std::uint64_t at = place(sample_, state), draw = mix(state);
  if (draw % 4 == 0) { // a whole number of four bytes at the edge of something
    const std::uint32_t edges[] = {
        0,          1,          0x7FFFFFFF, 0x80000000,
        0xFFFFFFFF, 0xFFFFFFF0, 0x00010000, static_cast<std::uint32_t>(sample_.bytes.size())};
    at &= ~std::uint64_t{3};
    std::uint32_t value = edges[(draw >> 8) % std::size(edges)];
    for (unsigned i = 0; i < 4; ++i) set(at + i, static_cast<std::uint8_t>(value >> (8 * i)));
  } else {
    set(at, static_cast<std::uint8_t>(sample_.bytes[at] ^ (1 + (draw >> 8) % 255)));
  }
}

// An address becomes another one of the sample (lists get loops and wrong ends), the same one a
// little further, or loses a byte.
void Mutant::change_link(std::uint64_t state) {
  const std::uint64_t draw = mix(state);
  const std::uint64_t at = sample_.links[(state >> 4) % sample_.links.size()];
  const std::uint64_t other = sample_.links[(draw >> 4) % sample_.links.size()];
  switch (draw % 4) {
  case 0:
  case 1:
    for (unsigned i = 0; i < sample_.link_size; ++i) set(at + i, sample_.bytes[other + i]);
    break;
  case 2:
    set(at, static_cast<std::uint8_t>(sample_.bytes[at] + 8 * (1 + (draw >> 40) % 16)));
    break;
  default: {
    const std::uint64_t byte = at + (draw >> 40) % sample_.link_size;
    set(byte, static_cast<std::uint8_t>(sample_.bytes[byte] ^ (1 + (draw >> 8) % 255)));
  }
  }
}

std::string describe(const Sample& sample, std::uint64_t index) {
  if (index < sample.cuts.size()) return fmt::format("cut at {}", sample.cuts[index]);
  return fmt::format("flip {}", index - sample.cuts.size());
}

} // namespace dumptriage::torture
