#include "synth/dbg_writer.h"

namespace dumptriage::synth {

Bytes DbgWriter::bytes() const {
  Bytes names, out(0x30);
  for (const std::string& name : exported_names) {
    put_text(names, names.size(), name);
    names.push_back(0);
  }
  put_text(out, 0, "DI");
  put16(out, 0x04, machine);
  put16(out, 0x06, 0x230E);
  put32(out, 0x08, timestamp);
  put32(out, 0x0C, checksum);
  put32(out, 0x10, image_base);
  put32(out, 0x14, size_of_image);
  put32(out, 0x18, sections.size());
  put32(out, 0x1C, names.size());
  put32(out, 0x20, 28 * entries.size());
  put32(out, 0x24, 0x1000);
  for (const Section& section : sections) {
    const std::size_t at = out.size();
    out.resize(at + 40);
    put_text(out, at, section.name);
    put32(out, at + 8, section.size);
    put32(out, at + 12, section.rva);
    put32(out, at + 16, section.size);
    put32(out, at + 36, 0x60000020);
  }
  append(out, names);
  std::size_t directory = out.size();
  out.resize(directory + 28 * entries.size());
  for (const Entry& entry : entries) {
    put32(out, directory + 4, timestamp);
    put32(out, directory + 12, entry.type);
    put32(out, directory + 16, entry.data.size());
    put32(out, directory + 24, out.size());
    append(out, entry.data);
    directory += 28;
  }
  return out;
}

Bytes fpo_record(std::uint32_t start, std::uint32_t size, std::uint32_t locals,
                 std::uint16_t parameters, std::uint16_t bits) {
  Bytes out;
  put32(out, 0, start);
  put32(out, 4, size);
  put32(out, 8, locals);
  put16(out, 12, parameters);
  put16(out, 14, bits);
  return out;
}

Bytes omap(const std::vector<std::array<std::uint32_t, 2>>& rows) {
  Bytes out;
  for (const auto& [from, to] : rows) {
    put32(out, out.size(), from);
    put32(out, out.size(), to);
  }
  return out;
}

Bytes nb10(std::uint32_t signature, std::uint32_t age, const std::string& path) {
  Bytes out;
  put_text(out, 0, "NB10");
  put32(out, 8, signature);
  put32(out, 12, age);
  put_text(out, 16, path);
  out.push_back(0);
  return out;
}

} // namespace dumptriage::synth
