#include "matrix/alpha.h"

#include "matrix/scenario.h"
#include "samples/samples.h"
#include "synth/paper_machine.h"
#include "synth/pe_writer.h"

namespace dumptriage::matrix {
namespace {

using synth::Bytes;

constexpr std::size_t kBuild = 0x0C, kAddress = 0x2C, kInstruction = 0x38; // in the header
constexpr std::uint32_t kNt351 = 1057;

Bytes word(std::uint32_t value) {
  Bytes out;
  synth::put32(out, 0, value);
  return out;
}

// Link times stand in the image's header and in the loader's entry.
void link(Bytes& dump, std::uint32_t from, std::uint32_t to) {
  EXPECT_GE(samples::replace(dump, word(from), word(to)), 2);
}

// The COFF symbols of a .DBG without their types: names and places, as a table of publics.
Bytes only_names(Bytes dbg) {
  const auto u32 = [&](std::size_t at) {
    return static_cast<std::uint32_t>(dbg[at] | dbg[at + 1] << 8 | dbg[at + 2] << 16 |
                                      static_cast<std::uint32_t>(dbg[at + 3]) << 24);
  };
  const std::size_t directory = 0x30 + 40 * u32(0x18) + u32(0x1C), data = u32(directory + 24);
  const std::uint32_t count = u32(data), first = u32(data + 4);
  for (std::uint32_t i = 0; i < count; ++i) synth::put16(dbg, data + first + 18 * i + 14, 0);
  return dbg;
}

Files symbols(const std::string& sfmsrv, Level level) {
  if (level != Level::full && level != Level::publics) return {}; // the images export nothing
  Files files;
  for (const auto& [name, from] :
       {std::pair<std::string, std::string>{"ntoskrnl.dbg", "/alpha/ntoskrnl.dbg"},
        {"sfmsrv.dbg", sfmsrv}}) {
    Bytes bytes = samples::read(samples::symbols_folder() + from);
    files[name] = level == Level::full ? bytes : only_names(bytes);
  }
  return files;
}

// A copy that ends before its last pages.
void cut(Bytes& dump, std::size_t pages) { dump.resize(dump.size() - pages * 0x2000); }

void rename(Files& files, const char* file, const char* from, const char* to) {
  if (!files.contains(file)) return;
  EXPECT_GE(samples::replace(files[file], samples::text_bytes(from), samples::text_bytes(to)), 1);
}

} // namespace

Made alpha_q188315(State state, Level level) {
  Made made{samples::read(samples::folder() + "/" + samples::kAlphaSession),
            symbols("/alpha/sfmsrv.dbg", level)};
  constexpr std::uint32_t kLinked = 0x3207A1F4, kWorker = 0x8042244C; // in AfpMessageWorker
  if (state == State::fixed) {
    link(made.dump, kLinked, day(1998, 12, 4));
    for (auto& [name, bytes] : made.symbols)
      samples::replace(bytes, word(kLinked), word(day(1998, 12, 4)));
  }
  if (state == State::os) synth::put32(made.dump, kBuild, kNt351);
  if (state == State::other) {
    synth::put32(made.dump, kAddress, 0x81235670);
    synth::put32(made.dump, kInstruction, kWorker);
  }
  if (state == State::paged_out) cut(made.dump, 5); // the tail: what lies highest in memory
  return made;
}
const Table kAlphaQ188315 = {
    {State::affected,
     {"likely", "likely", "likely", "likely"},
     "the stop's parameter names an instruction of an old sfmsrv.sys; neither edition nor the "
     "state "
     "of the block can be read"},
    {State::fixed,
     {"refuted", "refuted", "refuted", "refuted"},
     "linked after Service Pack 4 came out"},
    {State::os,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "NT 3.51"},
    {State::other,
     {"possible|likely", "possible|likely", "possible|likely", "possible|likely"},
     "a wild pointer elsewhere in the module"},
    {State::paged_out,
     {"possible|likely|undecided", "possible|likely|undecided", "possible|likely|undecided",
      "possible|likely|undecided"},
     "a cut copy: nothing it lacks may speak against the article"},
};

Made alpha_q242896(State state, Level level) {
  Made made{samples::read(samples::folder() + "/" + samples::kAlphaIrp),
            symbols("/alpha/sp5/sfmsrv.dbg", level)};
  constexpr std::uint32_t kLinked = 0x36F0C2D8;
  const std::uint32_t fixed = day(1999, 9, 29) + 7 * 3600;
  if (state == State::fixed) {
    link(made.dump, kLinked, fixed);
    for (auto& [name, bytes] : made.symbols) samples::replace(bytes, word(kLinked), word(fixed));
  }
  if (state == State::os) synth::put32(made.dump, kBuild, kNt351);
  if (state == State::other) { // a block that is no IRP, freed by another function
    synth::put32(made.dump, kAddress + 8, 0x43704641); // "AFpC"
    rename(made.symbols, "ntoskrnl.dbg", "IoFreeIrp", "IoFreeMdl");
  }
  if (state == State::paged_out) cut(made.dump, 10);
  return made;
}
const Table kAlphaQ242896 = {
    {State::affected,
     {"likely", "likely", "possible|likely", "possible|likely"},
     "the stop says that a block was freed twice, below IoFreeIrp and sfmsrv.sys; the edition "
     "cannot be read"},
    {State::fixed, {"refuted", "refuted", "refuted", "refuted"}, "the sfmsrv.sys of the article"},
    {State::os,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "NT 3.51"},
    {State::other,
     {"possible|likely", "possible|likely", "possible|likely", "possible|likely"},
     "a block freed twice below sfmsrv.sys, by another function"},
    {State::paged_out,
     {"possible|likely|undecided", "possible|likely|undecided", "possible|likely|undecided",
      "possible|likely|undecided"},
     "a cut copy"},
};

// Terminal Server for Alpha, stopped because it hung.
Made alpha_q260752(State state, Level) {
  synth::PaperMachine m = synth::paper_alpha_nt4();
  const std::uint16_t revision = state == State::edition ? 335 : 0x8000 + 419;
  std::uint64_t base = 0x80080000;
  for (const char* name : {"ntoskrnl.exe", "mup.sys", "rdr.sys"}) {
    synth::PeWriter pe(false);
    pe.machine = 0x184;
    pe.base = base;
    pe.timestamp = day(1999, 4, 2);
    pe.section_alignment = 0x2000;
    pe.section(".text", 0x2000, Bytes(0x200, 0x00), synth::kCodeSection);
    const Bytes version = synth::version_resource(0x4000, {4, 0, 1381, revision});
    pe.directory(2, 0x4000, static_cast<std::uint32_t>(version.size()));
    pe.section(".rsrc", 0x4000, version, synth::kConstSection);
    pe.size_of_image = 0x6000;
    m.modules.push_back({std::string("\\WINNT\\System32\\drivers\\") + name, base, pe.memory(),
                         pe.timestamp, pe.checksum});
    base += 0x100000;
  }
  m.memory.push_back({0x80610000, Bytes(0x4000)});
  m.cpus.push_back({.context = synth::context_alpha(
                        {{"fir", synth::alpha32(0x80082010)}, {"sp", synth::alpha32(0x80613F00)}}),
                    .stack_limit = 0x80610000,
                    .stack_base = 0x80614000});
  m.bugcheck_code = 0xE2;
  Made made{synth::write_alpha_pagedump(m), {}};
  if (state == State::os) synth::put32(made.dump, kBuild, kNt351);
  return made;
}
const Table kAlphaQ260752 = {
    {State::affected,
     {"possible|likely|undecided", "possible|likely|undecided", "possible|likely|undecided",
      "possible|likely|undecided"},
     "no file for Alpha is published and its threads cannot be read: nothing can prove it"},
    {State::edition,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "not the Terminal Server Edition, by the versions of its files"},
    {State::os,
     {"not applicable", "not applicable", "not applicable", "not applicable"},
     "NT 3.51"},
};

} // namespace dumptriage::matrix
