#include "synth/codeview_writer.h"

#include <algorithm>

namespace dumptriage::synth {
namespace {

Bytes pascal(const std::string& text) {
  Bytes out;
  put8(out, 0, text.size());
  put_text(out, 1, text);
  return out;
}

Bytes fields(std::initializer_list<std::array<std::uint64_t, 2>> list) { // value, size
  Bytes out;
  for (const auto& [value, size] : list) put(out, out.size(), value, size);
  return out;
}

const Bytes kEnd = {2, 0, 6, 0};

} // namespace

Bytes cv_record(std::uint16_t kind, const Bytes& body, const std::string& name) {
  Bytes out;
  put16(out, 2, kind);
  append(out, body);
  append(out, pascal(name));
  align(out, 4);
  put16(out, 0, out.size() - 2);
  return out;
}

Bytes cv_public(CvTypes types, const CvName& n) {
  if (types == CvTypes::bits16)
    return cv_record(0x0203, fields({{n.offset, 4}, {n.segment, 2}, {0, 2}}), n.name);
  return cv_record(0x1009, fields({{0, 4}, {n.offset, 4}, {n.segment, 2}}), n.name);
}

Bytes cv_procedure(CvTypes types, const CvName& n) {
  const unsigned global = n.name.starts_with("s_") ? 0 : 1;
  Bytes body = fields({{0, 4}, {0, 4}, {0, 4}, {n.size, 4}, {1, 4}, {n.size - 1ull, 4}});
  Bytes out;
  if (types == CvTypes::bits16) {
    append(body, fields({{n.offset, 4}, {n.segment, 2}, {0x74, 2}, {0, 1}}));
    out = cv_record(static_cast<std::uint16_t>(0x0204 + global), body, n.name);
  } else {
    append(body, fields({{0x1001, 4}, {n.offset, 4}, {n.segment, 2}, {0, 1}}));
    out = cv_record(static_cast<std::uint16_t>(0x100A + global), body, n.name);
  }
  append(out, kEnd);
  return out;
}

Bytes cv_mips_procedure(CvTypes types, const CvName& n) {
  Bytes body = fields({{0, 4}, {0, 4}, {0, 4}, {n.size, 4}, {1, 4}, {n.size - 1ull, 4}});
  append(body, fields({{0xFF, 4}, {0xEE, 4}, {0xDD, 4}, {0xCC, 4}})); // saved registers
  const bool small = types == CvTypes::bits16;
  if (small)
    append(body, fields({{n.offset, 4}, {n.segment, 2}, {0x74, 2}}));
  else
    append(body, fields({{0x1001, 4}, {n.offset, 4}, {n.segment, 2}}));
  append(body, fields({{0x12, 1}, {0x13, 1}}));
  return cv_record(small ? 0x0301 : 0x1011, body, n.name);
}

Bytes cv_ia64_procedure(const CvName& n) {
  Bytes body = fields({{0, 4}, {0, 4}, {0, 4}, {n.size, 4}, {1, 4}, {n.size - 1ull, 4}});
  append(body, fields({{0x1001, 4}, {n.offset, 4}, {n.segment, 2}, {0x3412, 2}, {0, 1}}));
  return cv_record(0x1016, body, n.name);
}

Bytes cv_thunk(const CvName& n) {
  return cv_record(
      0x0206, fields({{0, 4}, {0, 4}, {0, 4}, {n.offset, 4}, {n.segment, 2}, {n.size, 2}, {0, 1}}),
      n.name);
}

Bytes cv_reference(const std::string& hidden_name) {
  Bytes out = fields({{14, 2}, {0x0400, 2}, {0x1234, 4}, {4, 4}, {1, 2}, {0, 2}});
  Bytes name = pascal(hidden_name);
  align(name, 4);
  append(out, name);
  return out;
}

Bytes cv_compile(std::uint8_t machine) {
  return cv_record(0x0001, {machine, 0, 0, 0}, "a compiler");
}

Bytes cv_lines(const std::vector<CvFile>& files) {
  Bytes out;
  put16(out, 0, files.size());
  put16(out, 2, files.size()); // one segment's range a file
  const std::size_t ranges = 4 + 4 * files.size(), segments = ranges + 8 * files.size();
  out.resize(segments + 2 * files.size());
  align(out, 4);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const CvFile& file = files[i];
    put32(out, ranges + 8 * i, file.first);
    put32(out, ranges + 8 * i + 4, file.last);
    put16(out, segments + 2 * i, file.segment);
    const std::size_t at = out.size();
    put32(out, 4 + 4 * i, at);
    put16(out, at, 1);
    put32(out, at + 8, file.first);
    put32(out, at + 12, file.last);
    append(out, pascal(file.name));
    align(out, 4);
    const std::size_t lines = out.size(), count = file.lines.size();
    put32(out, at + 4, lines);
    put16(out, lines, file.segment);
    put16(out, lines + 2, count);
    for (std::size_t k = 0; k < count; ++k) {
      put32(out, lines + 4 + 4 * k, file.lines[k][0]);
      put16(out, lines + 4 + 4 * count + 2 * k, file.lines[k][1]);
    }
    align(out, 4);
  }
  return out;
}

void CodeViewWriter::symbols(const Bytes& records) {
  Bytes out = {1, 0, 0, 0};
  append(out, records);
  subsections.push_back({0x125, 1, out});
}

void CodeViewWriter::hashed(std::uint16_t type, const Bytes& records) {
  Bytes out(16);
  put32(out, 4, records.size());
  append(out, records);
  out.resize(out.size() + 12, 0xEE); // hash tables that nobody reads
  put32(out, 8, 12);
  subsections.push_back({type, 0xFFFF, out});
}

void CodeViewWriter::module(const std::string& name, const std::vector<CvName>& pieces) {
  Bytes out(8);
  put16(out, 4, pieces.size());
  put16(out, 6, 0x5643); // "CV"
  for (const CvName& piece : pieces)
    append(out, fields({{piece.segment, 2}, {0, 2}, {piece.offset, 4}, {piece.size, 4}}));
  append(out, pascal(name));
  subsections.push_back({0x120, 1, out});
}

void CodeViewWriter::segments(const std::vector<std::array<std::uint32_t, 2>>& list) {
  Bytes out;
  put16(out, 0, list.size());
  put16(out, 2, list.size());
  for (const auto& [frame, offset] : list)
    append(out, fields({{0x010D, 2},
                        {0, 2},
                        {0, 2},
                        {frame, 2},
                        {0xFFFF, 2},
                        {0xFFFF, 2},
                        {offset, 4},
                        {0x1000, 4}}));
  subsections.push_back({0x12D, 0xFFFF, out});
}

Bytes CodeViewWriter::bytes() const {
  Bytes out;
  put_text(out, 0, nb11 ? "NB11" : "NB09");
  put32(out, 4, 0);
  std::vector<std::size_t> places;
  for (const Subsection& s : subsections) {
    places.push_back(append(out, s.bytes));
    align(out, 4);
  }
  std::size_t link = 4; // where the place of the next directory goes
  const std::size_t split = std::min(first_directory, subsections.size());
  const auto directory = [&](std::size_t i, std::size_t end) {
    const std::size_t at = out.size();
    put32(out, link, at);
    link = at + 8;
    append(out, fields({{16, 2}, {12, 2}, {end - i, 4}, {0, 8}}));
    for (; i < end; ++i)
      append(out, fields({{subsections[i].type, 2},
                          {subsections[i].module, 2},
                          {places[i], 4},
                          {subsections[i].bytes.size(), 4}}));
  };
  directory(0, split);
  if (split < subsections.size()) directory(split, subsections.size());
  return out;
}

} // namespace dumptriage::synth
