// Crashpad's own stream: key/value texts of the process and of its modules (minidump_extensions.h).
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/minidump_reading.h"

namespace dumptriage::dump::mdmp {
namespace {

using namespace formats;

constexpr std::uint64_t kMostAnnotations = 4096;
constexpr std::uint64_t kMostModules = 4096;
constexpr std::size_t kMostText = 32768;

class Annotations {
public:
  Annotations(Reading& r) : r_(r) {}

  // MinidumpSimpleStringDictionary: a count and pairs of RVAs of UTF-8 strings.
  void dictionary(const MINIDUMP_LOCATION_DESCRIPTOR& location) {
    ByteView bytes = list(location);
    std::uint64_t count = counted(bytes, 8);
    for (std::uint64_t i = 0; i < count; ++i)
      keep(bytes.u32(4 + 8 * i).value_or(0), bytes.u32(8 + 8 * i).value_or(0));
  }
  // MinidumpAnnotationList: only annotations of type 1 are strings.
  void objects(const MINIDUMP_LOCATION_DESCRIPTOR& location) {
    ByteView bytes = list(location);
    std::uint64_t count = counted(bytes, sizeof(MinidumpAnnotation));
    for (std::uint64_t i = 0; i < count; ++i) {
      auto raw = *bytes.get<MinidumpAnnotation>(4 + i * sizeof(MinidumpAnnotation));
      if (raw.type == 1) keep(raw.name, raw.value);
    }
  }
  void modules(const MINIDUMP_LOCATION_DESCRIPTOR& location) {
    ByteView bytes = list(location);
    std::uint64_t count = counted(bytes, sizeof(MinidumpModuleCrashpadInfoLink), kMostModules);
    for (std::uint64_t i = 0; i < count; ++i) {
      auto link = *bytes.get<MinidumpModuleCrashpadInfoLink>(
          4 + i * sizeof(MinidumpModuleCrashpadInfoLink));
      auto info = list(link.location).get<MinidumpModuleCrashpadInfo>(0);
      if (!info) continue;
      dictionary(info->simple_annotations);
      objects(info->annotation_objects);
    }
  }
  const Tally& lost() const { return lost_; }

private:
  ByteView list(const MINIDUMP_LOCATION_DESCRIPTOR& location) {
    if (location.DataSize == 0) return {};
    auto bytes = r_.at(location);
    if (!bytes) lost_.add(location.Rva);
    return bytes.value_or(ByteView());
  }
  // How many entries really follow the count; the budget is shared by all lists of the dump.
  std::uint64_t counted(ByteView bytes, std::uint64_t stride, std::uint64_t most = UINT64_MAX) {
    std::uint64_t count = bytes.u32(0).value_or(0);
    std::uint64_t room = bytes.size() < 4 ? 0 : (bytes.size() - 4) / stride;
    return std::min({count, room, most, kMostAnnotations});
  }
  std::optional<std::string> text(std::uint64_t rva) {
    auto length = r_.file.u32(rva);
    if (!length) return std::nullopt;
    auto bytes = r_.at(rva + 4, *length);
    if (!bytes) return std::nullopt;
    return utf8_from_ansi(bytes->chars().substr(0, bytes->chars().find('\0')), kMostText);
  }
  // The first value of a key stays: the process's own come before those of its modules.
  void keep(std::uint64_t key_rva, std::uint64_t value_rva) {
    if (budget_ == 0) return;
    --budget_;
    auto key = text(key_rva), value = text(value_rva);
    if (!key || !value) return lost_.add(key ? value_rva : key_rva);
    if (key->empty() || r_.dump.annotations.count(*key) != 0) return;
    std::string kept_key = r_.take_text(std::move(*key));
    if (!kept_key.empty()) r_.dump.annotations[kept_key] = r_.take_text(std::move(*value));
  }

  Reading& r_;
  Tally lost_;
  std::uint64_t budget_ = kMostAnnotations;
};

} // namespace

void read_crashpad_info(Reading& r, const Stream& stream) {
  auto raw = stream.bytes.get<MinidumpCrashpadInfo>(0);
  if (!raw) return r.note(Code::truncated, stream, "it is too short", stream.offset);
  if (raw->version != 1) // later versions only append
    r.note(Code::unsupported, stream, fmt::format("version {}", std::uint32_t{raw->version}),
           stream.offset);
  Annotations annotations(r);
  annotations.dictionary(raw->simple_annotations);
  annotations.modules(raw->module_list);
  r.note(annotations.lost(), Code::truncated, stream, "lists or texts lie outside the file");
}

} // namespace dumptriage::dump::mdmp
