#include "synth/tiny_machine.h"

namespace dumptriage::synth {
namespace {

constexpr std::uint64_t kFirstRun = 1, kFirstEnd = 8, kSecondRun = 0x10, kSecondEnd = 0x28;

std::uint64_t number(const Bytes& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | bytes[at + i];
  return value;
}

} // namespace

TinyMachine::TinyMachine(TinyPaging p)
    : paging(p), wide(p == TinyPaging::x64), kernel(wide ? 0xfffff80000200000 : 0x80400000) {
  for (std::uint64_t f = kFirstRun; f < kFirstEnd; ++f) frames_[f] = Bytes(0x1000);
  for (std::uint64_t f = kSecondRun; f < kSecondEnd; ++f) frames_[f] = Bytes(0x1000);
  root = next_table() << 12;
  if (paging == TinyPaging::pae) root |= 0x20; // a PDPT needs only 32 bytes
  for (std::size_t i = 0; i < std::size(kFrames); ++i) map(kernel + 0x1000 * i, kFrames[i]);
  map(user, user_frame);
  // Page tables that map themselves, as Windows has them.
  if (paging == TinyPaging::x64) put64(frames_[root >> 12], 0x1ed * 8, root | 0x63);
  if (paging == TinyPaging::x86) put32(frames_[root >> 12], 0x300 * 4, root | 0x63);
  fill();
}

// Tables take the frames of the first run, then those at the end of the second.
std::uint64_t TinyMachine::next_table() {
  std::uint64_t frame = table_++;
  return frame < kFirstEnd ? frame : frame - kFirstEnd + 0x20;
}

void TinyMachine::map(std::uint64_t address, std::uint64_t frame) {
  static constexpr int kX64[] = {39, 30, 21, 12}, kX86[] = {22, 12}, kPae[] = {30, 21, 12};
  const int* shift = wide ? kX64 : paging == TinyPaging::x86 ? kX86 : kPae;
  const std::size_t width = paging == TinyPaging::x86 ? 4 : 8;
  const std::uint64_t entries = paging == TinyPaging::x86 ? 1024 : 512;
  std::uint64_t table = root;
  for (;; ++shift) {
    std::uint64_t index = (address >> *shift) % entries;
    if (*shift == 30 && paging == TinyPaging::pae) index %= 4;
    const std::size_t at = (table & 0xfff) + index * width;
    Bytes& bytes = frames_[table >> 12];
    // A PDPT entry of PAE has no write, user and accessed bits.
    const std::uint64_t bits = *shift == 30 && paging == TinyPaging::pae ? 1 : 0x63;
    if (*shift == 12) {
      put(bytes, at, frame << 12 | bits, width);
      return;
    }
    std::uint64_t entry = number(bytes, at, width);
    if (!entry) put(bytes, at, entry = next_table() << 12 | bits, width);
    table = entry & ~std::uint64_t{0xfff};
  }
}

void TinyMachine::write(std::uint64_t address, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i, value >>= 8) {
    std::uint64_t offset = address + i - kernel;
    frames_[kFrames[offset / 0x1000]][offset % 0x1000] = static_cast<std::uint8_t>(value);
  }
}

// Offsets of KDDEBUGGER_DATA64, KLDR_DATA_TABLE_ENTRY, CONTEXT and of a KPRCB, KTHREAD and EPROCESS
// of its own, which the debugger data describe.
void TinyMachine::fill() {
  const std::size_t w = wide ? 8 : 4;
  write(kernel, 0x5a4d, 2); // "MZ"
  write(kernel + 0x3c, 0x80, 4);
  write(kernel + 0x80, 0x4550, 4);
  write(kernel + 0x88, 0x45D6C53C, 4);               // TimeDateStamp
  modules = kernel + 0x1000, kdbg = kernel + 0x1f00; // the debugger data cross a page
  processors = kernel + 0x1080, prcb = kernel + 0x3000, thread = kernel + 0x3400;
  process = kernel + 0x3600, context = kernel + 0x3800;
  stack_top = kernel + 0x4800, stack_base = kernel + 0x6000;
  const std::uint64_t entry = kernel + 0x1100, name = kernel + 0x1200;
  write(modules, entry, w), write(modules + w, entry, w);
  write(entry, modules, w), write(entry + w, modules, w);
  write(entry + (wide ? 0x30 : 0x18), kernel, w);
  write(entry + (wide ? 0x40 : 0x20), 0x7000, 4);
  write(entry + (wide ? 0x48 : 0x24), 14, 2); // FullDllName: "\nt.exe"
  write(entry + (wide ? 0x50 : 0x28), name, w);
  write(entry + (wide ? 0x78 : 0x40), 0x1234, 4);
  for (std::size_t i = 0; i < 7; ++i)
    write(name + 2 * i, static_cast<std::uint8_t>("\\nt.exe"[i]), 2);
  write(kdbg + 0x10, 0x4742444b, 4); // "KDBG"
  write(kdbg + 0x14, 0x340, 4);
  write(kdbg + 0x18, kernel, 8);
  write(kdbg + 0x48, modules, 8);
  write(kdbg + 0x218, processors, 8);
  const struct {
    std::size_t field;
    std::uint64_t value;
  } rows[] = {{0x29e, 0x28}, {0x2a0, 0x68},  {0x2a8, 0x180}, {0x2b0, 0x300},
              {0x2b4, w},    {0x2be, 4 * w}, {0x2c0, 0x190}, {0x338, 0x80}};
  for (const auto& row : rows) write(kdbg + row.field, row.value, 2);
  write(processors, prcb, w);
  write(prcb + w, thread, w);
  write(prcb + 0x80, context, w);
  write(thread, 6, 1);
  write(thread + 0x28, stack_base - 0x40, w); // InitialStack
  write(thread + 0x68, process, w);
  write(process, 3, 1);
  write(context + (wide ? 0x98 : 0xc4), stack_top, w);
  write(context + (wide ? 0xf8 : 0xb8), kernel + 0x10, w);
  write(stack_top, 0x1122334455667788, w);
  write(stack_base - w, 0x99, w);
  put_text(frames_[user_frame], 0, "user");
}

Bytes TinyMachine::full_dump() const {
  const std::size_t header = wide ? 0x2000 : 0x1000, w = wide ? 8 : 4;
  Bytes out(header);
  for (std::size_t i = 0; i < header; i += 4) put_text(out, i, "PAGE");
  put_text(out, 0, wide ? "PAGEDU64" : "PAGEDUMP");
  put32(out, 0x8, 15);
  put32(out, 0xc, wide ? 7601 : 3790);
  put(out, 0x10, root, w);
  put(out, wide ? 0x20 : 0x18, modules, w);
  put32(out, wide ? 0x30 : 0x20, wide ? 0x8664 : 0x14c);
  put32(out, wide ? 0x34 : 0x24, 1);
  put32(out, wide ? 0x38 : 0x28, 0xD1);
  for (std::size_t i = 0; i < 4; ++i) put(out, (wide ? 0x40 : 0x2c) + w * i, 0x10 + i, w);
  if (!wide) put8(out, 0x5c, paging == TinyPaging::pae);
  put(out, wide ? 0x80 : 0x60, kdbg, w);
  const std::size_t block = wide ? 0x88 : 0x64;
  put32(out, block, 2);
  put(out, block + w, kFirstEnd - kFirstRun + kSecondEnd - kSecondRun, w);
  const std::uint64_t runs[] = {kFirstRun, kFirstEnd - kFirstRun, kSecondRun,
                                kSecondEnd - kSecondRun};
  for (std::size_t i = 0; i < 4; ++i) put(out, block + 2 * w + w * i, runs[i], w);
  const std::uint64_t offset = context - kernel;
  put_bytes(out, wide ? 0x348 : 0x320, frames_.at(kFrames[3]).data() + offset % 0x1000,
            wide ? 0x4d0 : 0x2cc);
  put32(out, wide ? 0xf98 : 0xf88, 1);
  for (const auto& [frame, bytes] : frames_) append(out, bytes);
  return out;
}

} // namespace dumptriage::synth
