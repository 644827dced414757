#include "synth/pdb20_writer.h"

#include <algorithm>

namespace dumptriage::synth {

Bytes msf20(const std::vector<Bytes>& streams, std::uint32_t page) {
  std::size_t next = 2; // the header and a free page map
  std::vector<std::vector<std::size_t>> pages;
  Bytes root;
  put16(root, 0, streams.size());
  root.resize(4);
  for (const Bytes& stream : streams) {
    const std::size_t count = (stream.size() + page - 1) / page;
    auto& list = pages.emplace_back();
    for (std::size_t i = 0; i < count; ++i) list.push_back(next + count - 1 - i);
    next += count;
    put32(root, root.size(), stream.size());
    put32(root, root.size(), 0xDEAD); // reserved
  }
  for (const auto& list : pages)
    for (std::size_t number : list) put16(root, root.size(), number);
  const std::size_t root_pages = (root.size() + page - 1) / page;
  Bytes out((next + root_pages) * page);
  put_text(out, 0,
           "Microsoft C/C++ program database 2.00\r\n\x1a"
           "JG");
  put32(out, 0x2C, page);
  put16(out, 0x30, 1);
  put16(out, 0x32, next + root_pages);
  put32(out, 0x34, root.size());
  for (std::size_t i = 0; i < root_pages; ++i) put16(out, 0x3C + 2 * i, next + i);
  put_bytes(out, next * page, root);
  for (std::size_t s = 0; s < streams.size(); ++s)
    for (std::size_t i = 0; i < pages[s].size(); ++i) {
      const std::size_t size = std::min<std::size_t>(page, streams[s].size() - i * page);
      put_bytes(out, pages[s][i] * page, streams[s].data() + i * page, size);
    }
  return out;
}

Bytes Pdb20Writer::info() const {
  Bytes out;
  put32(out, 0, vc4 ? 19950814 : 19970604);
  put32(out, 4, signature);
  put32(out, 8, info_age);
  put32(out, 12, 0); // no named streams
  return out;
}

Bytes Pdb20Writer::module_list() const {
  Bytes out;
  for (std::size_t i = 0; i < modules.size(); ++i) {
    const Module& module = modules[i];
    const std::size_t at = out.size(), piece = vc4 ? 20 : 28;
    out.resize(at + (vc4 ? 48 : 64));
    const std::size_t rest = at + 4 + piece;
    put16(out, rest + 2, module.records.empty() ? 0xFFFF : kFirstModule + i);
    put32(out, rest + 4, module.records.empty() ? 0 : module.records.size() + 4);
    put32(out, rest + 8, module.files.empty() ? 0 : cv_lines(module.files).size());
    for (int k = 0; k < 2; ++k) {
      put_text(out, out.size(), module.name);
      out.push_back(0);
    }
    align(out, 4);
  }
  return out;
}

Bytes Pdb20Writer::contributions() const {
  Bytes out;
  if (!vc4) put32(out, 0, 0xF12EBA2D);
  for (std::size_t i = 0; i < modules.size(); ++i)
    for (const CvName& piece : modules[i].pieces) {
      const std::size_t at = out.size();
      out.resize(at + (vc4 ? 20 : 28));
      put16(out, at, piece.segment);
      put32(out, at + 4, piece.offset);
      put32(out, at + 8, piece.size);
      put32(out, at + 12, 0x60500020);
      put16(out, at + 16, i);
    }
  return out;
}

Bytes Pdb20Writer::dbi() const {
  const Bytes list = module_list(), pieces = contributions();
  Bytes out;
  if (vc4) {
    put16(out, 0, 0xFFFF);
    put16(out, 2, kPublics);
    put16(out, 4, kRecords);
    put32(out, 8, list.size());
    put32(out, 12, pieces.size());
    out.resize(24);
  } else {
    put32(out, 0, 0xFFFFFFFF);
    put32(out, 4, 19970606);
    put32(out, 8, dbi_age);
    put16(out, 12, 0xFFFF);
    put16(out, 16, kPublics);
    put16(out, 20, kRecords);
    put32(out, 24, list.size());
    put32(out, 28, pieces.size());
    put32(out, 48, 12);
    out.resize(64);
  }
  append(out, list);
  append(out, pieces);
  if (vc4) return out;
  const auto stream = [](bool there, std::uint16_t number) { return there ? number : 0xFFFF; };
  for (const unsigned number :
       {stream(!fpo.empty(), kFpo), 0xFFFF, 0xFFFF, stream(!omap_to_source.empty(), kTo),
        stream(!omap_from_source.empty(), kFrom), stream(section_headers, kSections)})
    put16(out, out.size(), number);
  return out;
}

// The records, references among them, and where each public that counts begins.
Bytes Pdb20Writer::records(std::vector<std::size_t>* starts) const {
  Bytes out;
  for (const CvName& name : removed) append(out, cv_public(CvTypes::bits32, name));
  for (const CvName& name : publics) {
    append(out, cv_reference(name.name));
    const std::size_t at = append(out, cv_public(CvTypes::bits32, name));
    if (starts != nullptr) starts->push_back(at);
  }
  return out;
}

Bytes Pdb20Writer::public_stream() const {
  std::vector<std::size_t> starts;
  records(&starts);
  Bytes out(28 + 8, 0xEE); // header, a hash of 8 bytes that nobody reads
  put32(out, 0, 8);
  put32(out, 4, 4 * starts.size());
  for (std::size_t start : starts) put32(out, out.size(), start);
  return out;
}

Bytes Pdb20Writer::section_stream() const {
  Bytes out;
  for (const auto& [rva, size] : sections) {
    const std::size_t at = out.size();
    out.resize(at + 40);
    put32(out, at + 8, size);
    put32(out, at + 12, rva);
  }
  return out;
}

Bytes Pdb20Writer::bytes() const {
  std::vector<Bytes> streams = {{},
                                info(),
                                {},
                                dbi(),
                                public_stream(),
                                records(nullptr),
                                section_stream(),
                                fpo,
                                omap_to_source,
                                omap_from_source};
  for (const Module& module : modules) {
    Bytes out = {2, 0, 0, 0};
    append(out, module.records);
    if (!module.files.empty()) append(out, cv_lines(module.files));
    streams.push_back(out);
  }
  return msf20(streams, page);
}

} // namespace dumptriage::synth
