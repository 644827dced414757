#include "synth/page_dumps.h"

#include <algorithm>

namespace dumptriage::synth {
namespace {

constexpr std::uint64_t kPage = FullDump::kPage;

// Where a field of the two headers lies.
struct HeaderFields {
  std::size_t code, block, type, required_space, attributes;
};
HeaderFields fields_of(const FullDump& dump) {
  if (dump.is64()) return {0x38, 0x88, 0xf98, 0xfa0, 0x1050};
  return {0x28, 0x64, 0xf88, 0xfa0, 0x8a0};
}

Bytes header_of(const FullDump& dump, std::uint32_t type) {
  Bytes out = dump.header_bytes();
  put32(out, fields_of(dump).type, type);
  return out;
}

void append_pages(const FullDump& dump, const Frames& frames, Bytes& out) {
  for (std::uint64_t frame : frames)
    if (const std::uint8_t* page = dump.page(frame)) put_bytes(out, out.size(), page, kPage);
}

Bytes finish(const FullDump& dump, Bytes out) {
  put64(out, fields_of(dump).required_space, out.size());
  return out;
}

std::vector<FrameRun> runs_of(const Frames& frames) {
  std::vector<FrameRun> runs;
  for (std::uint64_t frame : frames)
    if (!runs.empty() && runs.back().base + runs.back().count == frame)
      ++runs.back().count;
    else
      runs.push_back({frame, 1});
  return runs;
}

// As runs, no more than `most` of them: gaps whose frames the dump has are filled, small ones
// first.
std::vector<FrameRun> few_runs(const FullDump& dump, const Frames& frames, std::size_t most) {
  std::vector<FrameRun> runs = runs_of(frames);
  while (runs.size() > most) {
    std::size_t best = 0;
    std::uint64_t smallest = UINT64_MAX;
    for (std::size_t i = 0; i + 1 < runs.size(); ++i) {
      std::uint64_t gap = runs[i + 1].base - (runs[i].base + runs[i].count);
      bool held = true;
      for (std::uint64_t f = runs[i].base + runs[i].count; f < runs[i + 1].base; ++f)
        held &= dump.page(f) != nullptr;
      if (held && gap < smallest) smallest = gap, best = i;
    }
    if (smallest == UINT64_MAX) break;
    runs[best].count = runs[best + 1].base + runs[best + 1].count - runs[best].base;
    runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  return runs;
}

Bytes bitmap_of(const Frames& frames, std::uint64_t bits) {
  Bytes bitmap(bits / 8);
  for (std::uint64_t frame : frames)
    bitmap[frame / 8] = static_cast<std::uint8_t>(bitmap[frame / 8] | 1u << (frame % 8));
  return bitmap;
}
// Bits up to the last frame of the machine, in whole 64-bit words.
std::uint64_t bits_of(const FullDump& dump) {
  std::uint64_t end = 0;
  for (const FrameRun& run : dump.runs()) end = std::max(end, run.base + run.count);
  return (end + 63) / 64 * 64;
}

} // namespace

Frames without_zero_pages(const FullDump& dump, const Frames& frames) {
  Frames out;
  for (std::uint64_t frame : frames)
    if (!dump.is_zero(frame)) out.push_back(frame);
  return out;
}

Bytes full_dump(const FullDump& dump, const Frames& frames) {
  const std::size_t block = fields_of(dump).block, width = dump.pointer_size();
  const std::vector<FrameRun> runs = few_runs(dump, frames, dump.is64() ? 0x2b : 0x56);
  Bytes out = header_of(dump, 1);
  for (std::size_t i = block; i < block + 700; i += 4) put_text(out, i, "PAGE");
  std::uint64_t pages = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    put(out, block + 2 * width * (i + 1), runs[i].base, width);
    put(out, block + 2 * width * (i + 1) + width, runs[i].count, width);
    pages += runs[i].count;
  }
  put32(out, block, runs.size());
  put(out, block + width, pages, width);
  for (const FrameRun& run : runs)
    for (std::uint64_t i = 0; i < run.count; ++i) append_pages(dump, {run.base + i}, out);
  return finish(dump, std::move(out));
}

Bytes summary_dump(const FullDump& dump, const Frames& frames) {
  const std::uint64_t bits = bits_of(dump);
  Bytes out = header_of(dump, 2);
  const std::size_t at = out.size();
  put_text(out, at, "SDMPDUMP");
  put32(out, at + 0x08, 1); // DumpOptions: kernel addresses
  put32(out, at + 0x10, bits);
  put32(out, at + 0x14, frames.size());
  put32(out, at + 0x18, bits); // RTL_BITMAP
  put(out, at + (dump.is64() ? 0x20 : 0x1c), 0, dump.pointer_size());
  put_bytes(out, at + (dump.is64() ? 0x28 : 0x20), bitmap_of(frames, bits));
  align(out, kPage);
  put32(out, at + 0x0c, out.size());
  append_pages(dump, frames, out);
  return finish(dump, std::move(out));
}

Bytes bitmap_dump(const FullDump& dump, const Frames& frames, std::uint32_t type) {
  const std::uint64_t bits = bits_of(dump);
  Bytes out = header_of(dump, type);
  const std::size_t at = out.size();
  put_text(out, at, type == 5 ? "FDMPDUMP" : "SDMPDUMP");
  put64(out, at + 0x28, frames.size());
  put64(out, at + 0x30, bits);
  put_bytes(out, at + 0x38, bitmap_of(frames, bits));
  put64(out, at + 0x20, out.size());
  append_pages(dump, frames, out);
  return finish(dump, std::move(out));
}

Bytes live_dump(const FullDump& dump, const Frames& frames) {
  Bytes out = bitmap_dump(dump, frames, 6);
  put32(out, fields_of(dump).code, 0x161);
  put32(out, fields_of(dump).attributes, 0x10);
  return out;
}

Bytes rdmp_dump(const FullDump& dump, const Frames& frames, std::uint32_t type) {
  if (!dump.is64()) return {};
  Frames chosen = frames;
  // The lists of types 8 and 9 end at frame 0, so it cannot be in them.
  if (type != 0xA) std::erase(chosen, 0);
  const std::vector<FrameRun> runs = runs_of(chosen);
  Bytes out = header_of(dump, type);
  const std::size_t at = out.size();
  put32(out, at, 0x40);
  put_text(out, at + 4, "RDMPDUMP");
  if (type == 0xA) {
    put32(out, at + 0x20, runs.size());
    put64(out, at + 0x28, chosen.size());
  } else {
    put64(out, at + 0x28, 0);
  }
  for (const FrameRun& run : runs) {
    put64(out, out.size(), run.base);
    put64(out, out.size(), run.count);
  }
  if (type != 0xA) out.resize(out.size() + 16);
  // MetadataSize counts from behind the first 0x20 bytes to the first page.
  put64(out, at + 0x10, out.size() - at - 0x20);
  put64(out, at + 0x18, out.size());
  append_pages(dump, chosen, out);
  return finish(dump, std::move(out));
}

Bytes header_only(const FullDump& dump) { return finish(dump, header_of(dump, 3)); }

Bytes nt4_dump(const FullDump& dump, const Frames& frames) {
  if (dump.is64()) return {};
  Bytes out = full_dump(dump, frames);
  put32(out, 0xc, 1381);
  for (std::size_t i = 0x5c; i < 0x64; i += 4) put_text(out, i, "PAGE");
  for (std::size_t i = 0x820; i < 0x1000; i += 4) put_text(out, i, "PAGE");
  return out;
}

} // namespace dumptriage::synth
