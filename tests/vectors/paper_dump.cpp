#include "vectors/paper_dump.h"

#include <algorithm>

#include "synth/minidump_writer.h"
#include "synth/pe_writer.h"

namespace dumptriage::vectors {
namespace {

using arch::Machine;
using synth::put64;

constexpr std::uint32_t kTimestamp = 0x3B7D84A7, kChecksum = 0x5A5A;
constexpr unsigned kExportDirectory = 0, kExceptionDirectory = 3;

// IMAGE_FILE_MACHINE_* and PROCESSOR_ARCHITECTURE_*: 11_alpha.md section 1 [M], 12_ia64.md [M].
struct Numbers {
  std::uint16_t file, processor;
};
Numbers numbers_of(Machine machine) {
  switch (machine) {
  case Machine::ia64: return {0x200, 6};
  case Machine::alpha64: return {0x284, 7};
  default: return {0x184, 2};
  }
}

bool holds_code(const Program& program, const Piece& segment) {
  return std::ranges::any_of(program.functions, [&](const Function& f) {
    return f.begin >= segment.address && f.begin < segment.end();
  });
}

// The exports, and behind them the pairs that they name.
void add_exports(synth::PeWriter& pe, const Program& program, const LaidOut& image, bool plabels) {
  const std::uint32_t pairs = image.free + 0x8000;
  const auto gp = program.snapshots.empty() ? 0 : program.snapshots.front().r.at(1);
  Bytes table;
  std::vector<synth::ExportRow> rows;
  for (const Function& f : program.functions) {
    const auto rva = static_cast<std::uint32_t>(f.begin - image.base);
    rows.push_back({f.name, plabels ? pairs + static_cast<std::uint32_t>(table.size()) : rva, {}});
    put64(table, table.size(), f.begin);
    put64(table, table.size(), gp);
  }
  // The loader looks names up by halves.
  std::ranges::sort(rows, {}, &synth::ExportRow::name);
  const Bytes directory = synth::export_directory(image.free, 1, rows);
  pe.section(".edata", image.free, directory, synth::kConstSection);
  pe.directory(kExportDirectory, image.free, static_cast<std::uint32_t>(directory.size()));
  if (plabels) pe.section(".sdata", pairs, table, synth::kDataSection);
}

synth::RegisterValues alpha_values(const Snapshot& s) {
  synth::RegisterValues out;
  for (std::size_t i = 0; i < 31; ++i) out["r" + std::to_string(i)] = s.r.at(i);
  for (std::size_t i = 0; i < 31; ++i) out["f" + std::to_string(i)] = s.f.at(i)[0];
  out["fir"] = s.pc;
  return out;
}

synth::RegisterValues itanium_values(const Snapshot& s) {
  synth::RegisterValues out = {{"pr", s.pr},   {"unat", s.unat}, {"lc", s.lc},     {"ec", s.ec},
                               {"pfs", s.pfs}, {"bsp", s.bsp},   {"rnat", s.rnat}, {"fpsr", s.fpsr},
                               {"iip", s.pc},  {"ifs", s.cfm}};
  for (std::size_t i = 1; i < 32; ++i) out["r" + std::to_string(i)] = s.r.at(i);
  for (std::size_t i = 0; i < 8; ++i) out["b" + std::to_string(i)] = s.b.at(i);
  for (std::size_t i = 2; i < 32; ++i) {
    out["f" + std::to_string(i)] = s.f.at(i)[0];
    out["f" + std::to_string(i) + "h"] = s.f.at(i)[1];
  }
  return out;
}

// The snapshot's own backing store, and behind it what `stale` has there.
Bytes store_bytes(const Snapshot& snapshot, const Piece* stale) {
  Bytes out = snapshot.backing.bytes;
  if (stale == nullptr || stale->address != snapshot.backing.address) return out;
  if (stale->bytes.size() > out.size())
    out.insert(out.end(), stale->bytes.begin() + static_cast<std::ptrdiff_t>(out.size()),
               stale->bytes.end());
  synth::align(out, 0x2000);
  return out;
}

} // namespace

PaperImage paper_image(const Program& program, Machine machine, bool plabels) {
  PaperImage out{lay_out(program, machine), {}};
  const LaidOut& image = out.image;
  synth::PeWriter pe(machine != Machine::alpha);
  pe.machine = numbers_of(machine).file;
  pe.base = image.base;
  pe.timestamp = kTimestamp;
  pe.checksum = kChecksum;
  pe.section_alignment = 0x2000;
  pe.section(".pdata", LaidOut::kPdata, image.pdata_bytes, synth::kConstSection);
  pe.directory(kExceptionDirectory, LaidOut::kPdata,
               static_cast<std::uint32_t>(image.pdata_bytes.size()));
  if (!image.xdata_bytes.empty())
    pe.section(".xdata", image.xdata, image.xdata_bytes, synth::kConstSection);
  add_exports(pe, program, image, plabels && machine == Machine::ia64);
  for (const Piece& segment : image.segments) {
    const bool code = holds_code(program, segment);
    pe.section(code ? ".text" : ".data", static_cast<std::uint32_t>(segment.address - image.base),
               segment.bytes, code ? synth::kCodeSection : synth::kDataSection);
  }
  out.memory = pe.memory();
  return out;
}

// Streams: 01_mdmp.md [C]; the backing store of a thread in ThreadExList, 01_mdmp.md [C],
// 12_ia64.md section 7 [P: MDT].  CONTEXTs: cpu_contexts.h.
Bytes paper_dump(const PaperImage& paper, const Snapshot& snapshot, const PaperStore& store) {
  const LaidOut& image = paper.image;
  const bool itanium = image.machine == Machine::ia64;
  synth::MinidumpWriter writer;
  synth::MdSystem system;
  system.processor = numbers_of(image.machine).processor;
  system.major = itanium ? 5 : 4;
  system.minor = itanium ? 2 : 0;
  system.build = itanium ? 3790 : 1381;
  writer.system(system);
  synth::MdThread thread;
  thread.id = 1;
  thread.stack_address = snapshot.memory.front().address;
  thread.stack = snapshot.memory.front().bytes;
  if (itanium) {
    synth::RegisterValues values = itanium_values(snapshot);
    if (store.flushed) values["bspstore"] = snapshot.backing.end();
    thread.context = synth::context_ia64(values, store.convention);
  } else {
    thread.context = synth::context_alpha(alpha_values(snapshot));
  }
  if (itanium) {
    thread.store_address = snapshot.backing.address;
    thread.store = store_bytes(snapshot, store.stale);
    writer.threads_ex({thread});
  } else {
    writer.threads({thread});
  }
  synth::MdModule module;
  module.base = image.base;
  module.size = static_cast<std::uint32_t>(paper.memory.size());
  module.timestamp = kTimestamp;
  module.checksum = kChecksum;
  module.name = "C:\\recorded\\program.exe";
  writer.modules({module});
  synth::MdException exception;
  exception.thread_id = 1;
  exception.address = snapshot.pc;
  exception.parameters = {0, 0};
  exception.context = thread.context;
  writer.exception(exception);
  synth::MdMemory memory = {{image.base, paper.memory}};
  for (const Piece& piece : image.elsewhere) memory.push_back({piece.address, piece.bytes});
  writer.memory64(memory);
  return writer.finish();
}

} // namespace dumptriage::vectors
