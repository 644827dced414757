// Lays a small PDB 7 down by hand: container, info, DBI, publics, one compiland with lines, names.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::symbols {

using synth::Bytes;

struct TinyPdb {
  std::array<std::uint8_t, 16> guid{};
  std::uint32_t dbi_age = 2, info_age = 5;
  std::uint16_t machine = 0x8664;
  bool stripped = false; // no compiland stream
  struct Public {
    std::string name;
    std::uint16_t section;
    std::uint32_t offset, flags;
  };
  std::vector<Public> publics; // sorted by section and offset
  struct Contribution {
    std::uint16_t section;
    std::uint32_t offset, size;
    std::uint16_t module;
  };
  std::vector<Contribution> contributions;
  struct Procedure {
    std::string name;
    std::uint16_t section;
    std::uint32_t offset, size;
  };
  std::vector<Procedure> procedures;
  std::vector<std::array<std::uint32_t, 2>> lines; // offset from the first procedure, line
  Bytes types;                                     // the TPI stream as it is
  std::vector<Bytes> id_records; // of the IPI stream, from the kind on; the first is 0x1000
  std::vector<Bytes> inner;      // records inside the first procedure, from the kind on
  std::vector<Bytes> outer;      // records behind the procedures
  std::vector<std::array<std::uint32_t, 3>> inlinees; // id, file (offset in the checksums), line
  std::string source_file = "c:\\src\\tiny.c";

  Bytes bytes() const {
    return container({{},
                      info(),
                      types,
                      dbi(),
                      ids(),
                      records(),
                      sections(),
                      compiland(),
                      names(),
                      public_stream()});
  }

private:
  static constexpr std::size_t kBlock = 512;

  static Bytes container(const std::vector<Bytes>& streams) {
    std::size_t next = 3; // superblock and two free block maps
    std::vector<std::vector<std::size_t>> blocks;
    // Blocks are handed out from the back within a stream, so that no stream lies in one piece.
    for (const Bytes& stream : streams) {
      std::size_t count = (stream.size() + kBlock - 1) / kBlock;
      std::vector<std::size_t> list;
      for (std::size_t i = 0; i < count; ++i) list.push_back(next + count - 1 - i);
      next += count;
      blocks.push_back(list);
    }
    Bytes directory;
    synth::put32(directory, 0, streams.size());
    for (const Bytes& stream : streams) synth::put32(directory, directory.size(), stream.size());
    for (const auto& list : blocks)
      for (std::size_t block : list) synth::put32(directory, directory.size(), block);
    std::size_t directory_blocks = (directory.size() + kBlock - 1) / kBlock;
    std::size_t first = next, map = first + directory_blocks;
    Bytes out((map + 1) * kBlock);
    synth::put_text(out, 0,
                    "Microsoft C/C++ MSF 7.00\r\n\x1a"
                    "DS");
    std::uint32_t fields[] = {kBlock,
                              1,
                              static_cast<std::uint32_t>(map + 1),
                              static_cast<std::uint32_t>(directory.size()),
                              0,
                              static_cast<std::uint32_t>(map)};
    for (std::size_t i = 0; i < 6; ++i) synth::put32(out, 32 + 4 * i, fields[i]);
    for (std::size_t s = 0; s < streams.size(); ++s)
      for (std::size_t i = 0; i < blocks[s].size(); ++i) {
        std::size_t size = std::min(kBlock, streams[s].size() - i * kBlock);
        synth::put_bytes(out, blocks[s][i] * kBlock, streams[s].data() + i * kBlock, size);
      }
    synth::put_bytes(out, first * kBlock, directory);
    for (std::size_t i = 0; i < directory_blocks; ++i)
      synth::put32(out, map * kBlock + 4 * i, first + i);
    return out;
  }

  Bytes info() const {
    Bytes out;
    synth::put32(out, 0, 20000404);
    synth::put32(out, 4, 0x4AA0B0C0);
    synth::put32(out, 8, info_age);
    synth::put_bytes(out, 12, guid.data(), 16);
    synth::put32(out, 28, 7);
    synth::put_text(out, 32, "/names");
    out.resize(39);
    for (std::uint32_t v : {1u, 1u, 1u, 1u, 0u, 0u, 8u}) synth::put32(out, out.size(), v);
    return out;
  }

  static void contribution(Bytes& out, const Contribution& c) {
    std::size_t at = out.size();
    out.resize(at + 28);
    synth::put16(out, at, c.section);
    synth::put32(out, at + 4, c.offset);
    synth::put32(out, at + 8, c.size);
    synth::put16(out, at + 16, c.module);
  }

  Bytes dbi() const {
    Bytes modules(64), sections, debug(22, 0xFF);
    synth::put16(modules, 0x22, stripped ? 0xFFFF : 7);
    synth::put32(modules, 0x24, symbols().size());
    synth::put32(modules, 0x2C, c13().size());
    synth::put_text(modules, 64, "tiny.obj");
    modules.resize(64 + 9);
    synth::put_text(modules, modules.size(), "tiny.obj");
    modules.push_back(0);
    synth::align(modules, 4);
    synth::put32(sections, 0, 0xF12EBA2D);
    for (const Contribution& c : contributions) contribution(sections, c);
    synth::put16(debug, 10, 6); // section headers
    Bytes out(64);
    synth::put32(out, 0, 0xFFFFFFFF);
    synth::put32(out, 4, 19990903);
    synth::put32(out, 8, dbi_age);
    synth::put16(out, 0x0C, 0xFFFF);
    synth::put16(out, 0x10, 9);
    synth::put16(out, 0x14, 5);
    synth::put32(out, 0x18, modules.size());
    synth::put32(out, 0x1C, sections.size());
    synth::put32(out, 0x30, debug.size());
    synth::put16(out, 0x3A, machine);
    synth::append(out, modules);
    synth::append(out, sections);
    synth::append(out, debug);
    return out;
  }

  // The records and where each begins.
  Bytes records(std::vector<std::size_t>* starts = nullptr) const {
    Bytes out;
    for (const Public& p : publics) {
      std::size_t at = out.size();
      if (starts) starts->push_back(at);
      synth::put16(out, at + 2, 0x110E);
      synth::put32(out, at + 4, p.flags);
      synth::put32(out, at + 8, p.offset);
      synth::put16(out, at + 12, p.section);
      synth::put_text(out, at + 14, p.name);
      out.push_back(0);
      synth::align(out, 4);
      synth::put16(out, at, out.size() - at - 2);
    }
    return out;
  }

  Bytes public_stream() const {
    std::vector<std::size_t> starts;
    records(&starts);
    Bytes out(28 + 12, 0xEE); // header, a hash of 12 bytes that nobody reads
    synth::put32(out, 0, 12);
    synth::put32(out, 4, 4 * starts.size());
    for (std::size_t start : starts) synth::put32(out, out.size(), start);
    return out;
  }

  static Bytes sections() {
    Bytes out(80);
    for (std::uint32_t i = 0; i < 2; ++i) {
      synth::put32(out, 40 * i + 8, i == 0 ? 0x30000 : 0x1000);  // virtual size
      synth::put32(out, 40 * i + 12, i == 0 ? 0x1000 : 0x31000); // rva
    }
    return out;
  }

  static void record(Bytes& out, const Bytes& body) {
    std::size_t at = out.size();
    synth::put16(out, at, 0);
    synth::append(out, body);
    synth::align(out, 4);
    synth::put16(out, at, out.size() - at - 2);
  }

  Bytes ids() const {
    Bytes list, out;
    for (const Bytes& body : id_records) record(list, body);
    for (std::size_t v : {std::size_t{20040203}, std::size_t{56}, std::size_t{0x1000},
                          0x1000 + id_records.size(), list.size()})
      synth::put32(out, out.size(), v);
    out.resize(56);
    synth::put16(out, 0x14, 0xFFFF); // no hash stream
    synth::append(out, list);
    return out;
  }

  Bytes symbols() const {
    Bytes out;
    synth::put32(out, 0, 4);
    for (const Procedure& p : procedures) {
      std::size_t at = out.size();
      out.resize(at + 0x27);
      synth::put16(out, at + 2, 0x1110);
      synth::put32(out, at + 0x10, p.size);
      synth::put32(out, at + 0x20, p.offset);
      synth::put16(out, at + 0x24, p.section);
      synth::put_text(out, at + 0x27, p.name);
      out.push_back(0);
      synth::align(out, 4);
      synth::put16(out, at, out.size() - at - 2);
      if (&p == &procedures.front())
        for (const Bytes& body : inner) record(out, body);
      synth::put32(out, out.size(), 0x00060002); // S_END
    }
    for (const Bytes& body : outer) record(out, body);
    return out;
  }

  Bytes c13() const {
    Bytes out;
    for (std::uint32_t v : {0xF4u, 8u, 1u, 0u})
      synth::put32(out, out.size(), v); // name at 1, no checksum
    if (!inlinees.empty()) {
      synth::put32(out, out.size(), 0xF6);
      synth::put32(out, out.size(), 4 + 12 * inlinees.size());
      synth::put32(out, out.size(), 0);
      for (const auto& entry : inlinees)
        for (std::uint32_t v : entry) synth::put32(out, out.size(), v);
    }
    if (lines.empty()) return out;
    std::uint32_t block = static_cast<std::uint32_t>(12 + 8 * lines.size());
    synth::put32(out, out.size(), 0xF2);
    synth::put32(out, out.size(), 12 + block);
    synth::put32(out, out.size(), procedures[0].offset);
    synth::put32(out, out.size(), procedures[0].section);
    synth::put32(out, out.size(), procedures[0].size);
    for (std::uint32_t v : {0u, static_cast<std::uint32_t>(lines.size()), block})
      synth::put32(out, out.size(), v);
    for (const auto& line : lines) {
      synth::put32(out, out.size(), line[0]);
      synth::put32(out, out.size(), line[1] | 0x80000000); // a statement
    }
    return out;
  }

  Bytes compiland() const {
    Bytes out = symbols();
    synth::append(out, c13());
    return out;
  }

  Bytes names() const {
    Bytes out;
    synth::put32(out, 0, 0xEFFEEFFE);
    synth::put32(out, 4, 1);
    synth::put32(out, 8, source_file.size() + 2);
    synth::put_text(out, 13, source_file);
    out.push_back(0);
    return out;
  }
};

} // namespace dumptriage::symbols
