#include "synth/coff_writer.h"

namespace dumptriage::synth {

void CoffWriter::add(const std::string& name, std::uint32_t value, int section, std::uint16_t type,
                     std::uint8_t storage, const std::vector<Bytes>& auxiliary) {
  const std::size_t at = symbols.size();
  symbols.resize(at + 18);
  if (name.size() <= 8) {
    put_text(symbols, at, name);
  } else {
    put32(symbols, at + 4, strings.size());
    put_text(strings, strings.size(), name);
    strings.push_back(0);
  }
  put32(symbols, at + 8, value);
  put16(symbols, at + 12, static_cast<std::uint16_t>(section));
  put16(symbols, at + 14, type);
  put8(symbols, at + 16, storage);
  put8(symbols, at + 17, auxiliary.size());
  for (Bytes record : auxiliary) {
    record.resize(18);
    append(symbols, record);
  }
}

void CoffWriter::piece(const std::string& name, std::uint32_t value, int section,
                       std::uint32_t length) {
  Bytes record;
  put32(record, 0, length);
  add(name, value, section, 0, 3, {record});
}

void CoffWriter::line(std::uint32_t rva, std::uint16_t number) {
  put32(lines, lines.size(), rva);
  put16(lines, lines.size(), number);
}

Bytes CoffWriter::table() const {
  Bytes out = symbols, text = strings;
  put32(text, 0, text.size());
  append(out, text);
  return out;
}

Bytes CoffWriter::debug_data() const {
  Bytes out(32);
  put32(out, 0, count());
  put32(out, 4, 32);
  put32(out, 8, lines.size() / 6);
  append(out, table());
  put32(out, 12, out.size());
  append(out, lines);
  return out;
}

} // namespace dumptriage::synth
