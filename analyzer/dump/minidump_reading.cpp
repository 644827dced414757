#include "dump/minidump_reading.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::dump::mdmp {

void Reading::note(Code code, const Stream& stream, std::string why, std::uint64_t file_offset) {
  add_note(notes, Severity::warning, code, fmt::format("{} stream: {}", stream.name, why),
           Where::file(file_offset));
}

void Reading::note(const Tally& tally, Code code, const Stream& stream, std::string_view what) {
  if (tally.count != 0) note(code, stream, fmt::format("{} {}", tally.count, what), tally.first);
}

std::optional<ByteView> Reading::at(std::uint64_t rva, std::uint64_t size) const {
  return file.slice(rva, size);
}

std::string utf16_text(ByteView bytes, std::uint64_t most_units) {
  std::uint64_t units = std::min(bytes.size() / 2, most_units);
  std::uint64_t length = 0;
  while (length < units && *bytes.u16(2 * length) != 0) ++length;
  return utf8_from_utf16(bytes.clamp(0, 2 * length), most_units);
}

std::string Reading::take_text(std::string text) {
  if (text.size() > text_left) {
    if (text_left != 0)
      add_note(notes, Severity::warning, Code::limit,
               "minidump: its names and texts together are too long; the rest is left out");
    text_left = 0;
    return {};
  }
  text_left -= text.size();
  return text;
}

std::optional<std::string> Reading::string(std::uint64_t rva) {
  if (rva == 0) return std::string();
  auto length = file.u32(rva);
  if (!length || !file.holds(rva, 4 + std::uint64_t{*length})) return std::nullopt;
  if (text_left == 0) return std::string();
  return take_text(utf16_text(file.clamp(rva + 4, *length)));
}

std::uint64_t Reading::narrow(std::uint64_t address) const {
  bool sign_extended = address >> 31 == 0x1FFFFFFFF;
  return sign_extended && machine != arch::Machine::unknown && arch::pointer_size_of(machine) == 4
             ? address & 0xFFFFFFFF
             : address;
}

List Reading::list(const Stream& stream, std::uint64_t header, std::uint64_t stride,
                   std::uint64_t count, std::uint64_t most) {
  ByteView bytes = stream.bytes.clamp(header, UINT64_MAX);
  std::uint64_t room = bytes.size() / stride;
  std::uint64_t kept = std::min(count, room);
  if (kept < count) {
    note(Code::truncated, stream,
         fmt::format("{} entries do not fit in {} bytes; {} are read", count, bytes.size(), kept),
         stream.offset);
    complete = false;
  }
  if (kept > most) {
    note(Code::limit, stream, fmt::format("{} entries; only the first {} are read", kept, most),
         stream.offset);
    complete = false;
    kept = most;
  }
  return {bytes, stream.offset + header, stride, kept};
}

std::optional<List> Reading::sized_list(const Stream& stream, std::uint64_t header,
                                        std::uint64_t least_header, std::uint64_t stride,
                                        std::uint64_t least_stride, std::uint64_t count,
                                        std::uint64_t most) {
  if (header < least_header || stride < least_stride) {
    note(Code::bad_value, stream,
         fmt::format("header of {} and entries of {} bytes are too small", header, stride),
         stream.offset);
    return std::nullopt;
  }
  return list(stream, header, stride, count, most);
}

std::optional<List> Reading::counted_list(const Stream& stream, std::uint64_t stride,
                                          std::uint64_t most) {
  auto count = stream.bytes.u32(0);
  if (!count) {
    note(Code::truncated, stream, "no room for the number of entries", stream.offset);
    return std::nullopt;
  }
  return list(stream, counted_list_start(stream.size, *count, stride), stride, *count, most);
}

} // namespace dumptriage::dump::mdmp
