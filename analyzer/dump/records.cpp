#include "dump/records.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "formats/codeview.h"

namespace dumptriage::dump {
namespace {

constexpr std::size_t kMostBuildId = 64;
constexpr std::size_t kMostPdbName = 4096;

// A GUID as it lies in memory (three little-endian numbers, eight bytes), as 32 upper-case digits.
std::string guid_digits(const std::uint8_t* g) {
  constexpr std::array<int, 16> kOrder = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  std::string digits;
  for (int i : kOrder) digits += fmt::format("{:02X}", g[i]);
  return digits;
}

bool all_zero(const auto& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

std::string file_name(ByteView record, std::uint64_t offset) {
  return utf8_from_ansi(record.c_string(offset, kMostPdbName));
}

} // namespace

std::string DebugId::key() const {
  switch (kind) {
  case Kind::rsds:
    // Writers without an id leave the GUID zero; zeros name no file.
    if (all_zero(guid)) return {};
    return guid_digits(guid.data()) + fmt::format("{:X}", age);
  case Kind::nb10: return fmt::format("{:08X}{:X}", signature, age);
  case Kind::elf_build_id: {
    // Breakpad: the first 16 bytes (padded with zeros) read as a GUID, age 0.
    if (build_id.empty() || all_zero(build_id)) return {};
    std::array<std::uint8_t, 16> head{};
    std::copy_n(build_id.begin(), std::min<std::size_t>(build_id.size(), 16), head.begin());
    return guid_digits(head.data()) + "0";
  }
  case Kind::none:
  case Kind::embedded: break;
  }
  return {};
}

DebugId read_codeview(ByteView record) {
  DebugId id;
  switch (record.u32(0).value_or(0)) {
  case formats::kCvSignatureRsds:
    if (auto rsds = record.get<formats::CV_INFO_PDB70>(0)) {
      id.kind = DebugId::Kind::rsds;
      id.guid = rsds->Signature;
      id.age = rsds->Age;
      id.file = file_name(record, sizeof(*rsds));
    }
    break;
  case formats::kCvSignatureNb10:
    if (auto nb10 = record.get<formats::CV_INFO_PDB20>(0)) {
      id.kind = DebugId::Kind::nb10;
      id.signature = nb10->Signature;
      id.age = nb10->Age;
      id.file = file_name(record, sizeof(*nb10));
    }
    break;
  case formats::kCvSignatureNb09:
  case formats::kCvSignatureNb11: id.kind = DebugId::Kind::embedded; break;
  case formats::kCvSignatureElf: {
    ByteView bytes = record.clamp(4, kMostBuildId);
    id.kind = DebugId::Kind::elf_build_id;
    for (std::uint64_t i = 0; i < bytes.size(); ++i) id.build_id.push_back(*bytes.u8(i));
    break;
  }
  default: break;
  }
  return id;
}

std::string FileVersion::to_string() const {
  return fmt::format("{}.{}.{}.{}", part[0], part[1], part[2], part[3]);
}

std::string_view Module::name() const { return base_name(path); }

} // namespace dumptriage::dump
