// Small machines on paper for the tests of Alpha and Itanium dumps.
#pragma once

#include <stdexcept>

#include "synth/paper_machine.h"
#include "synth/pe_writer.h"

namespace dumptriage::tests {

inline synth::PeWriter paper_image(bool alpha, std::uint64_t base, std::uint32_t stamp) {
  synth::PeWriter pe(!alpha);
  pe.machine = alpha ? 0x184 : 0x200;
  pe.base = base;
  pe.timestamp = stamp;
  pe.section_alignment = 0x2000;
  synth::Bytes code(0x400, static_cast<std::uint8_t>(stamp));
  pe.section(".text", 0x2000, code, synth::kCodeSection);
  pe.section(".data", 0x4000, synth::Bytes(0x100), synth::kDataSection);
  pe.size_of_image = 0x6000;
  return pe;
}

inline synth::PaperModule paper_module(bool alpha, std::string path, std::uint64_t base,
                                       std::uint32_t stamp) {
  const synth::PeWriter pe = paper_image(alpha, base, stamp);
  return {std::move(path), base, pe.memory(), stamp, pe.checksum};
}

inline constexpr std::uint64_t kAlphaSp = 0xF8002F00, kAlphaPc = 0xF1002010;

// NT 4: kernel and HAL in KSEG0, a driver and the stack behind page tables; stopped in the driver.
inline synth::PaperMachine alpha_machine() {
  synth::PaperMachine m = synth::paper_alpha_nt4();
  m.modules = {
      paper_module(true, "\\WINNT\\System32\\ntoskrnl.exe", 0x80080000, 0x34000001),
      paper_module(true, "\\WINNT\\System32\\hal.dll", 0x80400000, 0x34000002),
      paper_module(true, "\\SystemRoot\\System32\\Drivers\\first.sys", 0xF1000000, 0x34000003),
      paper_module(true, "\\SystemRoot\\System32\\Drivers\\second.sys", 0xF1010000, 0x34000004)};
  synth::Bytes stack(0x2000);
  for (std::size_t i = 0; i < stack.size(); i += 8) synth::put64(stack, i, 0x5AC0000000000000 + i);
  m.memory.push_back({0xF8002000, stack});
  synth::PaperCpu cpu;
  cpu.stack_limit = 0xF8000000;
  cpu.stack_base = 0xF8004000;
  cpu.context = synth::context_alpha({{"fir", synth::alpha32(kAlphaPc)},
                                      {"sp", synth::alpha32(kAlphaSp)},
                                      {"ra", synth::alpha32(0x80082100)},
                                      {"fp", synth::alpha32(0xF8002F80)}});
  m.cpus = {cpu};
  m.bugcheck_code = 0xA;
  m.bugcheck_parameters = {4, 2, 0, kAlphaPc};
  return m;
}

inline constexpr std::uint64_t kIa64Sp = 0xE000010620003E00, kIa64Store = 0xE000010620004000,
                               kIa64StoreTop = kIa64Store + 0x1F0,
                               kIa64Pc = 0xE000010500002014; // slot 1
inline constexpr std::uint64_t kIa64Sof = 6, kIa64Sol = 4;

// Server 2003: two CPUs, each with its stack below and its backing store above one address.
inline synth::PaperMachine ia64_machine(synth::RsBsp convention = synth::RsBsp::base) {
  synth::PaperMachine m = synth::paper_ia64_ws2003();
  m.modules = {
      paper_module(false, "\\WINDOWS\\system32\\ntoskrnl.exe", 0xE000000083000000, 0x45D69001),
      paper_module(false, "\\WINDOWS\\system32\\hal.dll", 0xE000000084000000, 0x45D69002),
      paper_module(false, "\\SystemRoot\\System32\\DRIVERS\\netbt.sys", 0xE000010500000000,
                   0x45D69003)};
  for (std::uint64_t i = 0; i < 2; ++i) {
    const std::uint64_t base = kIa64Store + i * 0x100000;
    synth::Bytes stack(0x2000), store(0x2000);
    for (std::size_t at = 0; at < stack.size(); at += 8) {
      synth::put64(stack, at, 0x5AC0000000000000 + at);
      synth::put64(store, at, 0xB500000000000000 + at);
    }
    m.memory.push_back({base - 0x2000, stack});
    m.memory.push_back({base, store});
    synth::PaperCpu cpu;
    cpu.stack_limit = base - 0x4000;
    cpu.stack_base = base;
    cpu.store_base = base;
    cpu.store_limit = base + 0x4000;
    synth::RegisterValues values = {
        {"iip", kIa64Pc + i * 0x100},      {"sp", base - 0x200},
        {"b0", 0xE000000083002100},        {"ifs", kIa64Sof | kIa64Sol << 7},
        {"pfs", kIa64Sof | kIa64Sol << 7}, {"bsp", base + 0x180}};
    values["bspstore"] = synth::skip_registers(base + 0x180, kIa64Sof);
    cpu.context = synth::context_ia64(values, convention);
    m.cpus.push_back(cpu);
  }
  m.bugcheck_code = 0xD1;
  m.bugcheck_parameters = {8, 2, 0, kIa64Pc};
  return m;
}

// A page dump and where its writer put things, to break it.
struct Paper {
  synth::Bytes bytes;
  synth::PaperPlaces places;
  // Where the byte at a virtual address lies in the file, by the writer's own list.
  std::size_t at(std::uint64_t address) const {
    const std::uint64_t page = address & ~std::uint64_t{0x1FFF};
    for (const auto& [virtual_page, frame] : places.frames)
      if (virtual_page == page) return at_physical(frame * 0x2000) + (address - page);
    throw std::out_of_range("not in the machine");
  }
  std::size_t at_physical(std::uint64_t address) const {
    const bool wide = bytes[6] == '6';
    const std::size_t block = wide ? 0x88 : 0x64, w = wide ? 8 : 4;
    auto number = [&](std::size_t offset) {
      std::uint64_t value = 0;
      for (std::size_t i = w; i-- > 0;) value = value << 8 | bytes[offset + i];
      return value;
    };
    std::uint64_t before = 0;
    for (std::size_t run = block + 2 * w;; run += 2 * w) {
      const std::uint64_t base = number(run), count = number(run + w), frame = address / 0x2000;
      if (frame >= base && frame < base + count)
        return 0x2000 + (before + frame - base) * 0x2000 + address % 0x2000;
      before += count;
    }
  }
  void poke(std::uint64_t address, std::uint64_t value, std::size_t size = 4) {
    synth::put(bytes, at(address), value, size);
  }
};

inline Paper alpha_paper(const synth::AlphaPaging& paging = {}) {
  Paper paper;
  paper.bytes = write_alpha_pagedump(alpha_machine(), paging, &paper.places);
  return paper;
}
inline Paper ia64_paper(const synth::Ia64Paging& paging = {}) {
  Paper paper;
  paper.bytes = write_ia64_pagedu64(ia64_machine(), paging, &paper.places);
  return paper;
}

} // namespace dumptriage::tests
