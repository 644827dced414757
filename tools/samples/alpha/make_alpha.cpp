// Makes an Alpha sample dump, with its symbols and truth, from what record.py wrote down: puts the
// images' headers, function tables and identities around the executed code, and hands the machine
// to the writer of tests/synth.
#include <cstdio>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "../recorded.h"
#include "synth/coff_writer.h"
#include "synth/dbg_writer.h"
#include "synth/paper_machine.h"
#include "synth/pe_writer.h"

using namespace dumptriage::synth;
using namespace dumptriage::samples;
using nlohmann::json;

namespace {

using u32 = std::uint32_t;

struct Identity {
  std::string path, dbg; // dbg: the name in the image's debug directory; empty: none
  u32 timestamp, checksum;
};
// The service pack's files of 1999; of Q188315 the driver is the one of 1996 that came on the CD.
Identity identity_of(const std::string& name, int scenario) {
  if (name == "ntoskrnl.exe")
    return {"\\WINNT\\System32\\ntoskrnl.exe", "exe\\ntoskrnl.dbg", 0x37E80C7A, 0x1A4D2};
  const std::string drivers = "\\SystemRoot\\System32\\drivers\\";
  if (name == "fsfilt.sys") return {drivers + name, "", 0x36D1B2C0, 0x9C11};
  if (scenario == 1) return {drivers + name, "sys\\sfmsrv.dbg", 0x3207A1F4, 0x3F21B};
  return {drivers + name, "sys\\sfmsrv.dbg", 0x36F0C2D8, 0x3D90E};
}

// Begin, end, handler, its data, end of the prologue: absolute addresses.  Functions that build no
// frame have no entry, but for the one that a trap enters.
Bytes function_table(const json& functions) {
  Bytes out;
  for (const json& f : functions) {
    const std::uint64_t begin = hex(f["begin"]), prologue_end = hex(f["prologue_end"]);
    if (begin == prologue_end && f["name"] != "KiMemoryManagementException") continue;
    for (std::uint64_t word :
         {begin, hex(f["end"]), std::uint64_t{0}, std::uint64_t{0}, prologue_end})
      put32(out, out.size(), word);
  }
  return out;
}
// IMAGE_DEBUG_MISC with the name of the .DBG file.
Bytes misc_record(const std::string& name) {
  Bytes out(0x110);
  put32(out, 0, 1);
  put32(out, 4, out.size());
  put_text(out, 12, name);
  return out;
}

// `key`: "initial" for the image as linked, "hex" as it lay in memory in the end.
PeWriter image_of(const json& image, const Identity& identity, const char* key) {
  PeWriter pe(false);
  pe.machine = 0x184;
  pe.base = hex(image["base"]);
  pe.timestamp = identity.timestamp;
  pe.checksum = identity.checksum;
  pe.section_alignment = 0x2000;
  u32 next = 0;
  for (const json& s : image["sections"]) {
    const Bytes data = hex_bytes(s[key]);
    const u32 rva = s["rva"], kind = s["name"] == ".text"    ? kCodeSection
                                     : s["name"] == ".rdata" ? kConstSection
                                                             : kDataSection;
    pe.section(s["name"], rva, data, kind);
    next = (rva + static_cast<u32>(data.size()) + 0x1FFF) & ~0x1FFFu;
  }
  Bytes table = function_table(image["functions"]);
  pe.directory(3, next, static_cast<u32>(table.size()));
  align(table, 16);
  const Bytes version = version_resource(next + static_cast<u32>(table.size()), {4, 0, 1381, 1});
  pe.directory(2, next + static_cast<u32>(table.size()), static_cast<u32>(version.size()));
  append(table, version);
  if (!identity.dbg.empty()) {
    align(table, 16);
    const u32 at = next + static_cast<u32>(table.size()),
              raw = static_cast<u32>(pe.tail_offset()) + at - next;
    const Bytes record = misc_record(identity.dbg);
    append(table, debug_rows({{4, static_cast<u32>(record.size()), at + 28, raw + 28}}));
    append(table, record);
    pe.directory(6, at, 28);
  }
  pe.section(".pdata", next, table, kConstSection);
  pe.size_of_image = next + 0x2000;
  return pe;
}

// A .DBG file with the COFF symbols of the code.
Bytes dbg_of(const json& image, const Identity& identity, u32 size_of_image) {
  CoffWriter coff;
  const json& text = image["sections"][0];
  const std::uint64_t base = hex(image["base"]), code = base + text["rva"].get<u32>();
  for (const json& f : image["functions"])
    coff.function(f["name"], static_cast<u32>(hex(f["begin"]) - code), 1);
  DbgWriter dbg;
  dbg.machine = 0x184;
  dbg.timestamp = identity.timestamp;
  dbg.checksum = identity.checksum;
  dbg.image_base = static_cast<u32>(base);
  dbg.size_of_image = size_of_image;
  dbg.sections.clear();
  for (const json& s : image["sections"])
    dbg.sections.push_back(
        {s["name"], s["rva"], static_cast<u32>(s["hex"].get<std::string>().size() / 2)});
  dbg.entries = {{1, coff.debug_data()}};
  return dbg.bytes();
}

std::string truth_of(const json& frames) {
  std::string out =
      "{\n  \"made_by\": \"the CPU: call instructions watched while they ran\",\n  \"cpus\": [\n"
      "    {\"number\": 0, \"frames\": [";
  for (const json& f : frames) {
    char line[300];
    std::snprintf(line, sizeof line,
                  "%s\n        {\"kind\": \"%s\", \"pc\": \"0x%08x\", \"sp\": \"0x%08x\", "
                  "\"module\": \"%s\", "
                  "\"function\": \"%s\", \"offset\": %d}",
                  &f == &frames.front() ? "" : ",", f["kind"].get<std::string>().c_str(),
                  static_cast<u32>(hex(f["pc"])), static_cast<u32>(hex(f["sp"])),
                  f["module"].get<std::string>().c_str(), f["function"].get<std::string>().c_str(),
                  f["offset"].get<int>());
    out += line;
  }
  return out + "]}\n  ]\n}\n";
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: make_alpha RECORD.json SYMBOLS_FOLDER OUT.dmp TRUTH.json\n");
    return 2;
  }
  const json recorded = read_recording(argv[1]);
  PaperMachine m = paper_alpha_nt4();
  for (const json& image : recorded["images"]) {
    const std::string name = image["name"];
    const Identity identity = identity_of(name, recorded["scenario"]);
    const PeWriter pe = image_of(image, identity, "hex");
    m.modules.push_back(
        {identity.path, pe.base, pe.memory(), identity.timestamp, identity.checksum});
    if (!identity.dbg.empty())
      write_file(std::string(argv[2]) + "/" + stem(name) + ".dbg",
                 dbg_of(image, identity, pe.size_of_image));
  }
  for (const json& piece : recorded["memory"])
    m.memory.push_back({hex(piece["address"]), hex_bytes(piece["hex"])});
  m.cpus.push_back({.context = hex_bytes(recorded["context"]),
                    .stack_limit = hex(recorded["stack"][0]),
                    .stack_base = hex(recorded["stack"][1])});
  const json& stop = recorded["bugcheck"];
  m.bugcheck_code = static_cast<u32>(hex(stop[0]));
  for (std::size_t i = 0; i < 4; ++i) m.bugcheck_parameters[i] = hex(stop[i + 1]) & 0xFFFFFFFF;
  write_file(argv[3], write_alpha_pagedump(m));
  const std::string truth = truth_of(recorded["frames"]);
  write_file(argv[4], truth);
  return 0;
}
