#include "synth/minidump_writer.h"

namespace dumptriage::synth {
namespace {

constexpr std::size_t kHeaderSize = 32, kEntrySize = 12;

// The start of a counted list, with or without the pad that some writers leave behind the count.
Bytes counted(std::size_t count, bool padded) {
  Bytes out;
  put32(out, 0, count);
  if (padded) put32(out, 4, 0xCCCCCCCC);
  return out;
}

} // namespace

MinidumpWriter::MinidumpWriter(std::uint32_t time, std::size_t slots) : slots_(slots) {
  put32(out_, 0x00, 0x504D444D); // "MDMP"
  put32(out_, 0x04, 0x5128A793);
  put32(out_, 0x08, 0);
  put32(out_, 0x0C, kHeaderSize);
  put32(out_, 0x10, 0);
  put32(out_, 0x14, time);
  put64(out_, 0x18, 0);
  out_.resize(kHeaderSize + kEntrySize * slots);
}

std::uint32_t MinidumpWriter::blob(const Bytes& bytes) {
  align(out_, 4);
  return static_cast<std::uint32_t>(append(out_, bytes));
}

std::uint32_t MinidumpWriter::string(std::string_view text) {
  Bytes bytes;
  put32(bytes, 0, 2 * text.size());
  put_utf16(bytes, 4, text);
  put16(bytes, 4 + 2 * text.size(), 0);
  return blob(bytes);
}

std::uint32_t MinidumpWriter::utf8_string(std::string_view text) {
  Bytes bytes(4 + text.size() + 1);
  put32(bytes, 0, text.size());
  put_text(bytes, 4, text);
  return blob(bytes);
}

void MinidumpWriter::entry(std::uint32_t type, std::uint32_t size, std::uint32_t rva) {
  if (entries_ == slots_) return;
  std::size_t at = kHeaderSize + kEntrySize * entries_++;
  put32(out_, at, type);
  put32(out_, at + 4, size);
  put32(out_, at + 8, rva);
}

std::uint32_t MinidumpWriter::stream(std::uint32_t type, const Bytes& bytes) {
  std::uint32_t rva = blob(bytes);
  entry(type, static_cast<std::uint32_t>(bytes.size()), rva);
  return rva;
}

void MinidumpWriter::system(const MdSystem& s) {
  Bytes out(0x38);
  put16(out, 0x00, s.processor);
  put16(out, 0x02, 6);
  put16(out, 0x04, 0x0F0B);
  put8(out, 0x06, s.processors);
  put8(out, 0x07, s.product_type);
  put32(out, 0x08, s.major);
  put32(out, 0x0C, s.minor);
  put32(out, 0x10, s.build);
  put32(out, 0x14, s.platform);
  put32(out, 0x18, s.csd ? string(*s.csd) : 0);
  put16(out, 0x1C, s.suite_mask);
  if (s.processor == 0) put_text(out, 0x20, s.vendor);
  stream(7, out);
}

namespace {

// MINIDUMP_THREAD, the first 0x30 bytes of a MINIDUMP_THREAD_EX as well.
void put_thread(MinidumpWriter& writer, Bytes& out, const MdThread& thread) {
  std::size_t at = out.size();
  put32(out, at + 0x00, thread.id);
  put32(out, at + 0x04, thread.suspend_count);
  put32(out, at + 0x08, thread.priority_class);
  put32(out, at + 0x0C, thread.priority);
  put64(out, at + 0x10, thread.teb);
  put64(out, at + 0x18, thread.stack_address);
  put32(out, at + 0x20, thread.stack.size());
  put32(out, at + 0x24, thread.stack.empty() ? 0 : writer.blob(thread.stack));
  put32(out, at + 0x28, thread.context.size());
  put32(out, at + 0x2C, thread.context.empty() ? 0 : writer.blob(thread.context));
}

} // namespace

void MinidumpWriter::threads(const std::vector<MdThread>& threads, bool padded) {
  Bytes out = counted(threads.size(), padded);
  for (const MdThread& thread : threads) put_thread(*this, out, thread);
  stream(3, out);
}

void MinidumpWriter::threads_ex(const std::vector<MdThread>& threads) {
  Bytes out = counted(threads.size(), false);
  for (const MdThread& thread : threads) {
    put_thread(*this, out, thread);
    std::size_t at = out.size();
    put64(out, at, thread.store_address);
    put32(out, at + 8, thread.store.size());
    put32(out, at + 12, thread.store.empty() ? 0 : blob(thread.store));
  }
  stream(8, out);
}

void MinidumpWriter::modules(const std::vector<MdModule>& modules, bool padded) {
  Bytes out = counted(modules.size(), padded);
  for (const MdModule& module : modules) {
    std::size_t at = out.size();
    put64(out, at + 0x00, module.base);
    put32(out, at + 0x08, module.size);
    put32(out, at + 0x0C, module.checksum);
    put32(out, at + 0x10, module.timestamp);
    put32(out, at + 0x14, string(module.name));
    put32(out, at + 0x68, 0); // whole entry: 0x6C bytes
    if (module.version) {
      const auto& v = *module.version;
      put32(out, at + 0x18, 0xFEEF04BD);
      put32(out, at + 0x1C, 0x00010000);
      put32(out, at + 0x20, (std::uint32_t{v[0]} << 16) | v[1]);
      put32(out, at + 0x24, (std::uint32_t{v[2]} << 16) | v[3]);
    }
    put32(out, at + 0x4C, module.codeview.size());
    put32(out, at + 0x50, module.codeview.empty() ? 0 : blob(module.codeview));
    put32(out, at + 0x54, module.misc.size());
    put32(out, at + 0x58, module.misc.empty() ? 0 : blob(module.misc));
  }
  stream(4, out);
}

void MinidumpWriter::memory(const MdMemory& ranges, bool padded) {
  Bytes out = counted(ranges.size(), padded);
  for (const auto& [address, bytes] : ranges) {
    std::size_t at = out.size();
    put64(out, at, address);
    put32(out, at + 8, bytes.size());
    put32(out, at + 12, blob(bytes));
  }
  stream(5, out);
}

void MinidumpWriter::memory64(const MdMemory& ranges) {
  Bytes out;
  put64(out, 0, ranges.size());
  std::size_t size = 16 + 16 * ranges.size();
  align(out_, 4);
  put64(out, 8, out_.size() + size);
  for (const auto& [address, bytes] : ranges) {
    std::size_t at = out.size();
    put64(out, at, address);
    put64(out, at + 8, bytes.size());
  }
  stream(9, out);
  for (const auto& [address, bytes] : ranges) append(out_, bytes);
}

void MinidumpWriter::exception(const MdException& e) {
  Bytes out(0xA8);
  put32(out, 0x00, e.thread_id);
  put32(out, 0x08, e.code);
  put32(out, 0x0C, e.flags);
  put64(out, 0x10, e.record);
  put64(out, 0x18, e.address);
  put32(out, 0x20, e.parameters.size());
  for (std::size_t i = 0; i < e.parameters.size() && i < 15; ++i)
    put64(out, 0x28 + 8 * i, e.parameters[i]);
  put32(out, 0xA0, e.context.size());
  put32(out, 0xA4, e.context.empty() ? 0 : blob(e.context));
  stream(6, out);
}

Bytes MinidumpWriter::finish() {
  put32(out_, 0x08, entries_);
  return out_;
}

Bytes rsds(const std::array<std::uint8_t, 16>& guid, std::uint32_t age, std::string_view pdb) {
  Bytes out;
  put_text(out, 0, "RSDS");
  put_bytes(out, 4, guid.data(), guid.size());
  put32(out, 20, age);
  put_text(out, 24, pdb);
  put8(out, 24 + pdb.size(), 0);
  return out;
}

Bytes nb10(std::uint32_t signature, std::uint32_t age, std::string_view pdb) {
  Bytes out;
  put_text(out, 0, "NB10");
  put32(out, 4, 0);
  put32(out, 8, signature);
  put32(out, 12, age);
  put_text(out, 16, pdb);
  put8(out, 16 + pdb.size(), 0);
  return out;
}

Bytes context_x64(std::uint64_t rip, const std::array<std::uint64_t, 16>& registers) {
  Bytes out(0x4D0);
  put32(out, 0x30, 0x100003); // AMD64, control and integer
  put16(out, 0x38, 0x33);
  put32(out, 0x44, 0x246);
  for (std::size_t i = 0; i < registers.size(); ++i) put64(out, 0x78 + 8 * i, registers[i]);
  put64(out, 0xF8, rip);
  return out;
}

Bytes context_x86(std::uint32_t eip, const std::array<std::uint32_t, 8>& registers) {
  // eax, ecx, edx, ebx, esp, ebp, esi, edi
  constexpr std::array<std::size_t, 8> kOffsets = {0xB0, 0xAC, 0xA8, 0xA4, 0xC4, 0xB4, 0xA0, 0x9C};
  Bytes out(0x2CC);
  put32(out, 0x00, 0x10003); // i386, control and integer
  for (std::size_t i = 0; i < registers.size(); ++i) put32(out, kOffsets[i], registers[i]);
  put32(out, 0xB8, eip);
  put32(out, 0xBC, 0x1B);
  put32(out, 0xC0, 0x246);
  put32(out, 0xC8, 0x23);
  return out;
}

} // namespace dumptriage::synth
