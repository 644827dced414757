// The module list: records of variable size.
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/userdump_reading.h"
#include "formats/pe.h"

namespace dumptriage::dump::userdump {
namespace {

using namespace formats;

constexpr std::uint64_t kMostModules = 1 << 14;
constexpr std::uint64_t kLongestName = 0x8000;
constexpr std::uint64_t kMostText = 8U << 20; // of all names together

struct Listed {
  std::uint64_t base = 0, size = 0, name_length = 0, name_at = 0;
};

std::optional<Listed> listed_at(const Reading& r, std::uint64_t at) {
  if (r.header.is64) {
    auto raw = r.file.get<CRASH_MODULE64>(at);
    if (!raw) return std::nullopt;
    return Listed{raw->BaseOfImage, raw->SizeOfImage, raw->ImageNameLength, at + sizeof(*raw)};
  }
  auto raw = r.file.get<CRASH_MODULE32>(at);
  if (!raw) return std::nullopt;
  return Listed{raw->BaseOfImage, raw->SizeOfImage, raw->ImageNameLength, at + sizeof(*raw)};
}

bool is_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
}

// An image lies on a page and has a size; its name is text up to its NUL, which ends the name's
// bytes, or follows them.
bool plausible(const Reading& r, const Listed& module) {
  constexpr std::uint64_t kPage = 0x1000;
  if (module.base == 0 || module.base % kPage != 0 || module.size == 0) return false;
  if (module.name_length > kLongestName) return false;
  auto name = r.file.slice(module.name_at, module.name_length);
  if (!name) return false;
  std::string_view text = name->chars().substr(0, name->chars().find('\0'));
  return is_text(text) && name->chars().find_first_not_of('\0', text.size()) == std::string::npos;
}

struct Walk {
  std::vector<Listed> modules;
  bool cut = false; // the file ended first
};

// The list when the next record follows `gap` bytes behind the name.
Walk walk(const Reading& r, std::uint64_t count, std::uint64_t gap) {
  Walk walk;
  std::uint64_t at = r.header.module_offset;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto module = listed_at(r, at);
    if (!module || !r.file.holds(module->name_at, std::min(module->name_length, kLongestName))) {
      walk.cut = true;
      break;
    }
    if (!plausible(r, *module)) break;
    walk.modules.push_back(*module);
    at = module->name_at + module->name_length + gap;
  }
  return walk;
}

} // namespace

// Whether ImageNameLength counts the name's NUL, and whether records are padded, no source says:
// the first reading that makes sense of every record is taken.
void read_modules(Reading& r) {
  const Header& h = r.header;
  std::uint64_t stride = h.is64 ? sizeof(CRASH_MODULE64) : sizeof(CRASH_MODULE32);
  std::uint64_t count = r.entries("modules", h.modules, h.module_offset, stride, kMostModules);
  Walk best;
  const std::uint64_t gaps[] = {0, 1, h.is64 ? 8u : 4u};
  for (std::uint64_t gap : gaps) {
    Walk one = walk(r, count, gap);
    if (one.modules.size() > best.modules.size() || gap == 0) best = std::move(one);
    if (best.modules.size() == count) break;
  }
  std::uint64_t text_left = kMostText;
  for (const Listed& listed : best.modules) {
    Module module;
    module.base = listed.base;
    module.size = listed.size;
    ByteView name = r.file.clamp(listed.name_at, std::min(listed.name_length, text_left));
    module.path = utf8_from_ansi(name.c_string(0));
    text_left -= name.size();
    r.dump.modules.push_back(std::move(module));
  }
  r.dump.modules_complete = h.modules != 0 && best.modules.size() == h.modules;
  if (best.modules.size() < count)
    r.lost(best.cut ? Code::truncated : Code::bad_value,
           fmt::format("modules: {} are listed, only the first {} make sense", h.modules,
                       best.modules.size()),
           h.module_offset);
}

void complete_modules(Reading& r, const memory::AddressSpace& memory) {
  constexpr std::uint64_t kHeaders = 0x400; // the optional header lies in the first bytes
  for (Module& module : r.dump.modules) {
    std::array<std::byte, kHeaders> bytes{};
    if (!memory.copy(module.base, bytes)) continue;
    ByteView image(bytes.data(), bytes.size());
    std::uint64_t at = image.u32(kElfanewOffset).value_or(0);
    if (image.u16(0) != kDosMagic || image.u32(at) != kNtSignature) continue;
    auto file = image.get<ImageFileHeader>(at + 4);
    // CheckSum has one place in both forms of the optional header.
    auto sum =
        image.u32(at + 4 + sizeof(ImageFileHeader) + offsetof(ImageOptionalHeader32, CheckSum));
    if (!file || !sum) continue;
    module.timestamp = file->TimeDateStamp;
    module.checksum = *sum;
  }
}

} // namespace dumptriage::dump::userdump
