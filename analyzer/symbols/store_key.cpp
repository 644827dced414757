#include "symbols/store_key.h"

#include <algorithm>
#include <charconv>
#include <span>

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::symbols {
namespace {

template <class Number> bool read_hex(std::string_view digits, Number& value) {
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return !digits.empty() && error == std::errc() && end == digits.data() + digits.size();
}

} // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string image_key(std::uint32_t timestamp, std::uint64_t size) {
  return fmt::format("{:08X}{:x}", timestamp, size);
}

bool read_image_key(std::string_view key, std::uint32_t& timestamp, std::uint64_t& size) {
  return key.size() > 8 && read_hex(key.substr(0, 8), timestamp) && read_hex(key.substr(8), size);
}

dump::DebugId id_of_key(std::string_view key) {
  dump::DebugId id;
  constexpr std::size_t kGuidDigits = 32;
  if (key.size() <= kGuidDigits) {
    if (key.size() > 8 && read_hex(key.substr(0, 8), id.signature) &&
        read_hex(key.substr(8), id.age))
      id.kind = dump::DebugId::Kind::nb10;
    return id;
  }
  // The digits spell three numbers and eight bytes; in memory the numbers are little-endian.
  constexpr std::array<int, 16> kPlace = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  for (std::size_t i = 0; i < kPlace.size(); ++i)
    if (!read_hex(key.substr(2 * i, 2), id.guid[static_cast<std::size_t>(kPlace[i])])) return {};
  if (!read_hex(key.substr(kGuidDigits), id.age)) return {};
  id.kind = dump::DebugId::Kind::rsds;
  return id;
}

std::string slot_path(const Slot& slot, std::string_view key) {
  return fmt::format("{}/{}/{}", slot.folder, key, slot.file);
}

std::string tier_of(std::string_view folder) { return lower(folder.substr(0, 2)); }

StorePlace place_of(std::string_view kind, std::string_view name, std::string_view id) {
  StorePlace place{{std::string(name), std::string(name)}, std::string(id)};
  constexpr std::string_view kSuffix = ".sym";
  if (kind == "sym" && name.ends_with(kSuffix))
    place.slot.folder = name.substr(0, name.size() - kSuffix.size());
  std::uint32_t timestamp = 0;
  std::uint64_t size = 0;
  if (kind == "image" && read_image_key(id, timestamp, size))
    place.key = image_key(timestamp, size);
  return place;
}

std::vector<std::string> image_names(std::string_view name) {
  constexpr std::string_view kKernels[] = {"ntoskrnl.exe", "ntkrnlmp.exe", "ntkrnlpa.exe",
                                           "ntkrpamp.exe", "ntkrla57.exe"};
  constexpr std::string_view kHals[] = {"hal.dll",      "halacpi.dll", "halaacpi.dll",
                                        "halmacpi.dll", "halapic.dll", "halmps.dll"};
  std::vector<std::string> names = {std::string(name)};
  for (std::span<const std::string_view> group :
       {std::span<const std::string_view>(kKernels), std::span<const std::string_view>(kHals)}) {
    auto same = [&](std::string_view other) { return equals_no_case(other, name); };
    if (std::none_of(group.begin(), group.end(), same)) continue;
    for (std::string_view other : group)
      if (!same(other)) names.emplace_back(other);
  }
  return names;
}

std::string packed_name(std::string name) {
  if (!name.empty()) name.back() = '_';
  return name;
}

bool usable_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 &&
         name.find_first_of("/\\") == std::string_view::npos &&
         std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20; });
}

FilePointer read_file_pointer(std::string_view text) {
  text = trimmed(text.substr(0, kLongestFilePointer));
  if (text.starts_with("PATH:")) return {std::string(trimmed(text.substr(5))), {}};
  if (text.starts_with("MSG:")) return {{}, utf8_from_ansi(trimmed(text.substr(4)), 256)};
  return {{}, "its text is neither PATH: nor MSG:"};
}

} // namespace dumptriage::symbols
