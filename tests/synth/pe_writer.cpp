#include "synth/pe_writer.h"

#include <algorithm>

namespace dumptriage::synth {

void PeWriter::section(const std::string& name, std::uint32_t rva, Bytes data,
                       std::uint32_t characteristics, std::uint32_t virtual_size) {
  if (virtual_size == 0) virtual_size = static_cast<std::uint32_t>(data.size());
  align(data, 0x200);
  std::uint32_t raw = kHeaders;
  for (const Section& before : sections_)
    raw = std::max<std::uint32_t>(raw, before.raw + static_cast<std::uint32_t>(before.data.size()));
  sections_.push_back({name, rva, virtual_size, characteristics, raw, std::move(data)});
}

void PeWriter::directory(unsigned index, std::uint32_t rva, std::uint32_t size) {
  directories_.at(index) = {rva, size};
}

Bytes PeWriter::headers() const {
  Bytes out(kHeaders);
  put_text(out, 0, "MZ");
  put32(out, 0x3C, kElfanew);
  put_text(out, kElfanew, "PE");
  std::size_t coff = kElfanew + 4, optional = optional_offset();
  put16(out, coff, machine);
  put16(out, coff + 2, sections_.size());
  put32(out, coff + 4, timestamp);
  put32(out, coff + 8, symbol_table);
  put32(out, coff + 12, symbol_count);
  put16(out, coff + 16, x64_ ? 0xF0 : 0xE0);
  put16(out, coff + 18, 0x0022);
  put16(out, optional, x64_ ? 0x20B : 0x10B);
  put(out, optional + (x64_ ? 24 : 28), base, x64_ ? 8 : 4);
  put32(out, optional + 32, section_alignment);
  put32(out, optional + 36, 0x200);
  std::uint32_t end = 0x1000;
  for (const Section& s : sections_)
    end = std::max(end, (s.rva + s.virtual_size + 0xFFF) & ~0xFFFu);
  put32(out, optional + 56, size_of_image != 0 ? size_of_image : end);
  put32(out, optional + 60, kHeaders);
  put32(out, optional + 64, checksum);
  std::size_t table = optional + (x64_ ? 112 : 96);
  put32(out, table - 4, 16);
  for (std::size_t i = 0; i < 16; ++i) {
    put32(out, table + 8 * i, directories_[i][0]);
    put32(out, table + 8 * i + 4, directories_[i][1]);
  }
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const Section& s = sections_[i];
    std::size_t at = section_table_offset() + 40 * i;
    put_text(out, at, s.name.substr(0, 8));
    put32(out, at + 8, s.virtual_size);
    put32(out, at + 12, s.rva);
    put32(out, at + 16, s.data.size());
    put32(out, at + 20, s.raw);
    put32(out, at + 36, s.characteristics);
  }
  return out;
}

Bytes PeWriter::file() const {
  Bytes out = headers();
  for (const Section& s : sections_) put_bytes(out, s.raw, s.data);
  put_bytes(out, out.size(), tail);
  return out;
}

std::size_t PeWriter::tail_offset() const {
  return sections_.empty() ? kHeaders : sections_.back().raw + sections_.back().data.size();
}

Bytes PeWriter::memory() const {
  Bytes out = headers();
  for (const Section& s : sections_) {
    put_bytes(out, s.rva, s.data);
    if (out.size() < s.rva + s.virtual_size) out.resize(s.rva + s.virtual_size);
  }
  align(out, 0x1000);
  return out;
}

Bytes export_directory(std::uint32_t rva, std::uint32_t ordinal_base,
                       const std::vector<ExportRow>& rows) {
  std::size_t functions = 40, named = 0;
  for (const ExportRow& row : rows) named += !row.name.empty();
  std::size_t names = functions + 4 * rows.size(), ordinals = names + 4 * named;
  std::size_t text = ordinals + 2 * named;
  Bytes out(text);
  put32(out, 16, ordinal_base);
  put32(out, 20, rows.size());
  put32(out, 24, named);
  put32(out, 28, rva + functions);
  put32(out, 32, rva + names);
  put32(out, 36, rva + ordinals);
  std::size_t next = 0;
  auto add_text = [&](const std::string& s) {
    std::size_t at = out.size();
    put_text(out, at, s);
    out.push_back(0);
    return static_cast<std::uint32_t>(rva + at);
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::uint32_t target = rows[i].forwarder.empty() ? rows[i].rva : add_text(rows[i].forwarder);
    put32(out, functions + 4 * i, target);
    if (rows[i].name.empty()) continue;
    std::uint32_t name = add_text(rows[i].name);
    put32(out, names + 4 * next, name);
    put16(out, ordinals + 2 * next, i);
    ++next;
  }
  return out;
}

Bytes debug_directory(std::uint32_t rva, const std::array<std::uint8_t, 16>& guid,
                      std::uint32_t age, const std::string& path) {
  Bytes out(28);
  put32(out, 12, 2); // IMAGE_DEBUG_TYPE_CODEVIEW
  put32(out, 16, 24 + path.size() + 1);
  put32(out, 20, rva + 28);
  put_text(out, 28, "RSDS");
  put_bytes(out, 32, guid.data(), guid.size());
  put32(out, 48, age);
  put_text(out, 52, path);
  out.push_back(0);
  return out;
}

Bytes debug_rows(const std::vector<std::array<std::uint32_t, 4>>& rows) {
  Bytes out;
  for (const auto& [type, size, rva, raw] : rows) {
    const std::size_t at = out.size();
    out.resize(at + 28);
    put32(out, at + 12, type);
    put32(out, at + 16, size);
    put32(out, at + 20, rva);
    put32(out, at + 24, raw);
  }
  return out;
}

Bytes runtime_functions(const std::vector<std::array<std::uint32_t, 3>>& rows) {
  Bytes out;
  for (const auto& row : rows)
    for (std::uint32_t value : row) put32(out, out.size(), value);
  return out;
}

Bytes version_resource(std::uint32_t rva, const std::array<std::uint16_t, 4>& version) {
  Bytes out(0x58);
  // Three levels of one entry each: type 16, name 1, language 0x409; then the data entry.
  for (auto [at, id, next] : {std::array<std::uint32_t, 3>{0x00, 16, 0x80000018},
                              std::array<std::uint32_t, 3>{0x18, 1, 0x80000030},
                              std::array<std::uint32_t, 3>{0x30, 0x409, 0x48}}) {
    put16(out, at + 14, 1);
    put32(out, at + 16, id);
    put32(out, at + 20, next);
  }
  put32(out, 0x48, rva + 0x58);
  put32(out, 0x4C, 0x28 + 52);
  std::size_t at = 0x58;
  put16(out, at, 0x28 + 52);
  put16(out, at + 2, 52);
  put_utf16(out, at + 6, "VS_VERSION_INFO");
  at += 0x28;
  put32(out, at, 0xFEEF04BD);
  put32(out, at + 4, 0x00010000);
  put32(out, at + 8, static_cast<std::uint32_t>(version[0]) << 16 | version[1]);
  put32(out, at + 12, static_cast<std::uint32_t>(version[2]) << 16 | version[3]);
  out.resize(at + 52);
  return out;
}

} // namespace dumptriage::synth
