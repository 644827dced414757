#include "synth/kernel_headers.h"

namespace dumptriage::synth {
namespace {

constexpr std::size_t kPage = 0x1000;

void append_frames(Bytes& out, const FrameList& frames) {
  for (const Frame& frame : frames) append(out, frame.bytes);
}

Bytes bitmap_of(const FrameList& frames, std::uint64_t bits) {
  Bytes bitmap((bits + 7) / 8);
  for (const Frame& frame : frames)
    if (frame.number < bits)
      bitmap[frame.number / 8] =
          static_cast<std::uint8_t>(bitmap[frame.number / 8] | 1u << (frame.number % 8));
  return bitmap;
}

Runs runs_of(const FrameList& frames) {
  Runs runs;
  for (const Frame& frame : frames)
    if (!runs.empty() && runs.back().first + runs.back().second == frame.number)
      ++runs.back().second;
    else
      runs.push_back({frame.number, 1});
  return runs;
}

} // namespace

Bytes page_filler(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>("PAGE"[i % 4]);
  return bytes;
}

Bytes header64(std::uint32_t build, std::uint32_t machine) {
  Bytes b = page_filler(0x2000);
  put_text(b, 4, "DU64");
  put32(b, 0x08, 0xF);
  put32(b, 0x0C, build);
  put32(b, 0x30, machine);
  return b;
}

Bytes header32(std::uint32_t build, std::uint32_t machine) {
  Bytes b = page_filler(machine == kMachineAlpha ? 0x2000 : 0x1000);
  put_text(b, 4, "DUMP");
  put32(b, 0x08, 0xF);
  put32(b, 0x0C, build);
  put32(b, 0x20, machine);
  return b;
}

bool is_64(const Bytes& header) { return header[6] == '6'; }

void set_dump_type(Bytes& header, std::uint32_t type) {
  put32(header, is_64(header) ? 0xF98 : 0xF88, type);
}

void set_runs(Bytes& header, const Runs& runs) {
  const bool wide = is_64(header);
  const std::size_t at = wide ? 0x88 : 0x64, width = wide ? 8 : 4;
  std::uint64_t pages = 0;
  put32(header, at, runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    put(header, at + 2 * width * (i + 1), runs[i].first, width);
    put(header, at + 2 * width * (i + 1) + width, runs[i].second, width);
    pages += runs[i].second;
  }
  put(header, at + width, pages, width);
}

void set_roots(Bytes& header, std::uint64_t directory_table_base, std::uint64_t module_list,
               std::uint64_t process_list) {
  const bool wide = is_64(header);
  const std::size_t width = wide ? 8 : 4;
  put(header, 0x10, directory_table_base, width);
  put(header, wide ? 0x20 : 0x18, module_list, width);
  put(header, wide ? 0x28 : 0x1C, process_list, width);
}

Bytes as_full(Bytes header, const FrameList& frames) {
  set_dump_type(header, 1);
  set_runs(header, runs_of(frames));
  append_frames(header, frames);
  return header;
}

Bytes as_summary(Bytes header, const FrameList& frames, std::uint64_t bits) {
  const bool wide = is_64(header);
  set_dump_type(header, 2);
  const std::size_t at = header.size();
  put_text(header, at, "SDMPDUMP");
  put32(header, at + 0x08, 1);
  put32(header, at + 0x10, bits);
  put32(header, at + 0x14, frames.size());
  put32(header, at + 0x18, bits);
  put(header, at + (wide ? 0x20 : 0x1C), 0x81234567, wide ? 8 : 4); // RTL_BITMAP.Buffer
  put_bytes(header, at + (wide ? 0x28 : 0x20), bitmap_of(frames, bits));
  align(header, kPage);
  put32(header, at + 0x0C, header.size());
  append_frames(header, frames);
  return header;
}

Bytes as_bitmap(Bytes header, const FrameList& frames, std::uint64_t bits, std::uint32_t type,
                std::uint64_t first_page) {
  set_dump_type(header, type);
  const std::size_t at = header.size();
  put_text(header, at, type == 5 ? "FDMPDUMP" : "SDMPDUMP");
  put64(header, at + 0x28, frames.size());
  put64(header, at + 0x30, bits);
  put_bytes(header, at + 0x38, bitmap_of(frames, bits));
  if (first_page > header.size()) header.resize(first_page);
  put64(header, at + 0x20, header.size());
  append_frames(header, frames);
  return header;
}

Bytes as_rdmp(Bytes header, const FrameList& frames, std::uint32_t type) {
  set_dump_type(header, type);
  const std::size_t at = header.size();
  const Runs runs = runs_of(frames);
  put32(header, at, 0x40);
  put_text(header, at + 4, "RDMPDUMP");
  put64(header, at + 0x28, type == 0xA ? frames.size() : 0x77); // partial: a number of no meaning
  put32(header, at + 0x20, type == 0xA ? runs.size() : 0x99);
  for (auto [base, count] : runs) {
    put64(header, header.size(), base);
    put64(header, header.size(), count);
  }
  if (type != 0xA) header.resize(header.size() + 16);
  put64(header, at + 0x10, header.size() - at - 0x20);
  put64(header, at + 0x18, header.size());
  append_frames(header, frames);
  return header;
}

namespace {

// Entries of the tables on the way down: where an address indexes each level, and what makes an
// entry valid there.  Intel SDM 3A chapter 4, Arm ARM D8.
struct Step {
  int shift, bits;
  std::uint64_t valid;
};
std::vector<Step> steps_of(Tables tables) {
  constexpr std::uint64_t kIntel = 3, kPdpt = 1, kArm = 0x703; // table or page, accessed, inner
  switch (tables) {
  case Tables::x86: return {{22, 10, kIntel}, {12, 10, kIntel}};
  case Tables::pae: return {{30, 2, kPdpt}, {21, 9, kIntel}, {12, 9, kIntel}};
  case Tables::x64: return {{39, 9, kIntel}, {30, 9, kIntel}, {21, 9, kIntel}, {12, 9, kIntel}};
  case Tables::la57:
    return {{48, 9, kIntel}, {39, 9, kIntel}, {30, 9, kIntel}, {21, 9, kIntel}, {12, 9, kIntel}};
  case Tables::arm64: return {{39, 9, kArm}, {30, 9, kArm}, {21, 9, kArm}, {12, 9, kArm}};
  }
  return {};
}

// Windows' own: the slot of 0xC0000000 on x86; elsewhere a slot of the upper half.
void map_itself(Tables tables, TinyKernel& kernel, std::uint64_t root_frame, std::uint64_t valid) {
  const std::uint64_t entry = root_frame << 12 | valid;
  if (tables == Tables::x86)
    put32(kernel.frames[0].bytes, 4 * 0x300, entry);
  else if (tables == Tables::pae) // the directory of the last gigabyte, the tiny kernel's own too
    put64(kernel.frames[1].bytes, 8 * 3, (root_frame + 1) << 12 | valid);
  else
    put64(kernel.frames[0].bytes, 8 * 0x1ED, entry);
}

} // namespace

TinyKernel tiny_kernel(Tables tables, const TinyOptions& options) {
  const std::vector<Step> steps = steps_of(tables);
  const std::size_t width = tables == Tables::x86 ? 4 : 8;
  const bool wide = tables != Tables::x86 && tables != Tables::pae;
  TinyKernel kernel;
  kernel.root = options.first_frame << 12 | options.root_offset;
  kernel.page_address = wide ? 0xFFFFF80001234000 : tables == Tables::pae ? 0xC8234000 : 0x80234000;
  for (std::size_t i = 0; i <= steps.size(); ++i)
    kernel.frames.push_back({options.first_frame + i, Bytes(kPage)});
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::uint64_t index = kernel.page_address >> steps[i].shift & ((1u << steps[i].bits) - 1);
    std::size_t at = (i == 0 ? options.root_offset : 0) + index * width;
    put(kernel.frames[i].bytes, at, (options.first_frame + i + 1) << 12 | steps[i].valid, width);
  }
  if (options.self_map) map_itself(tables, kernel, options.first_frame, steps.back().valid);
  const std::size_t pointer = wide ? 8 : 4;
  Bytes& page = kernel.frames.back().bytes;
  auto link = [&](std::size_t at, std::size_t flink, std::size_t blink) {
    put(page, at, kernel.page_address + flink, pointer);
    put(page, at + pointer, kernel.page_address + blink, pointer);
  };
  link(0x100, 0x200, 0x200);
  link(0x200, 0x100, 0x100);
  link(0x300, 0x300, 0x300);
  put32(page, 0x800, 0xDEC0ADDE);
  kernel.module_list = kernel.page_address + 0x100;
  kernel.process_list = kernel.page_address + 0x300;
  return kernel;
}

Bytes header_for(const TinyKernel& kernel, Tables tables, std::uint32_t build) {
  Bytes header = tables == Tables::x86 || tables == Tables::pae ? header32(build)
                 : tables == Tables::arm64                      ? header64(build, kMachineArm64)
                                                                : header64(build);
  set_roots(header, kernel.root, kernel.module_list, kernel.process_list);
  return header;
}

} // namespace dumptriage::synth
