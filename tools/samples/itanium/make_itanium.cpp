// Makes the Itanium sample dumps, with their images, symbols and truth, from states.json: a
// recording of executed Itanium code (extract.py, README.md).  What a linker and a loader would do
// to that code is done here, and nothing else: its functions are spread over three images, branches
// between them are aimed anew, and every recorded value that names code, data, stack or backing
// store moves with what it names.
#include <array>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "../recorded.h"
#include "synth/dbg_writer.h"
#include "synth/paper_machine.h"
#include "synth/pdb20_writer.h"
#include "synth/pe_writer.h"

using namespace dumptriage::synth;
using namespace dumptriage::samples;
using nlohmann::json;

namespace {

using u64 = std::uint64_t;

struct Function {
  std::string name; // in the sample
  u64 begin = 0, end = 0;
  u64 at = 0; // where it lies in the sample
};
struct Image {
  std::string name, path;
  u64 base;
  std::uint32_t timestamp, checksum;
  std::map<std::string, std::string> names; // recorded name -> name in the sample
  std::vector<Function*> functions;
  std::uint32_t pdb_signature;
};
// 2007-02-17, as the files of Service Pack 2 are dated.  The bases are less than 16 MB apart
// because the recorded calls reach no further; real images call through plabels.
std::vector<Image> images() {
  return {{"ntoskrnl.exe",
           "\\WINDOWS\\system32\\ntoskrnl.exe",
           0xE000000083000000,
           1171702800,
           0x5C2F1,
           {{"_start", "KiThreadStartup"}, {"cmain", "ExpWorkerThread"}},
           {},
           0x45D6C410},
          {"tcpip.sys",
           "\\SystemRoot\\System32\\DRIVERS\\tcpip.sys",
           0xE000000083640000,
           1171703040,
           0x1F3A0,
           {{"scen_main", "TCPRcv"},
            {"outargs", "TCPSendAck"},
            {"ten", "IPTransmit"},
            {"leaf", "tcpxsum"}},
           {},
           0x45D6C500},
          {"netbt.sys",
           "\\SystemRoot\\System32\\DRIVERS\\netbt.sys",
           0xE000000083780000,
           1171703100,
           0x1A77C,
           {{"dyn", "NbtProcessSessionMessage"}, {"touch", "NbtCopyToStartOfIndicate"}},
           {},
           0x45D6C53C}};
}
constexpr std::uint32_t kText = 0x2000, kConst = 0x4000, kData = 0x6000, kPlabel = 0x80;

// Moves what was recorded to where the sample has it.
struct Mover {
  std::vector<Function> functions;
  u64 data_from = 0, data_to = 0;
  u64 stack_top = 0, store_base = 0; // recorded
  u64 stack_delta = 0, store_delta = 0;

  const Function* function(u64 address) const {
    for (const Function& f : functions)
      if (address >= f.begin && address < f.end) return &f;
    return nullptr;
  }
  u64 operator()(u64 value) const {
    if (const Function* f = function(value)) return value - f->begin + f->at;
    if (value >= data_from && value < data_from + kPlabel) return value - data_from + data_to;
    if (value > stack_top - 0x10000 && value <= stack_top) return value + stack_delta;
    if (value >= store_base && value < store_base + 0x2000) return value + store_delta;
    return value;
  }
};

// ---- bundles: 5 bits of template, three slots of 41 (Itanium SDM volume 3) ----
using Bundle = unsigned __int128;
constexpr u64 kSlot = (u64{1} << 41) - 1;
Bundle load_bundle(const std::uint8_t* bytes) {
  Bundle out = 0;
  for (int i = 15; i >= 0; --i) out = out << 8 | bytes[i];
  return out;
}
u64 slot_of(Bundle bundle, int slot) { return static_cast<u64>(bundle >> (5 + 41 * slot)) & kSlot; }
void put_slot(Bundle& bundle, int slot, u64 value) {
  const int shift = 5 + 41 * slot;
  bundle = (bundle & ~(Bundle{kSlot} << shift)) | Bundle{value} << shift;
}
// Which slots go to the branch unit, by template without its stop bit.
bool is_branch_slot(unsigned pattern, int slot) {
  switch (pattern >> 1) {
  case 0x08: return slot == 2; // MIB
  case 0x09: return slot >= 1; // MBB
  case 0x0B: return true;      // BBB
  case 0x0C:
  case 0x0E: return slot == 2; // MMB, MFB
  default: return false;
  }
}
// IP-relative branches (opcodes 4 and 5): 20 bits from 13 up, the sign at 36, in bundles.
void aim_branch(Bundle& bundle, int slot, u64 from, u64 to, const Mover& move) {
  u64 code = slot_of(bundle, slot);
  if (code >> 37 != 4 && code >> 37 != 5) return;
  std::int64_t distance =
      static_cast<std::int64_t>(code >> 13 & 0xFFFFF) - ((code >> 36 & 1) ? 0x100000 : 0);
  distance = static_cast<std::int64_t>(move(from + static_cast<u64>(distance * 16)) - to) / 16;
  if (distance < -0x100000 || distance >= 0x100000)
    throw std::runtime_error("a call does not reach");
  code &= ~(u64{0xFFFFF} << 13 | u64{1} << 36);
  code |= (static_cast<u64>(distance) & 0xFFFFF) << 13 | u64{distance < 0} << 36;
  put_slot(bundle, slot, code);
}
// movl: the immediate lies in slot 1 and in five fields of slot 2.
void aim_movl(Bundle& bundle, const Mover& move) {
  u64 code = slot_of(bundle, 2);
  if (code >> 37 != 6) return;
  const u64 value = (code >> 36 & 1) << 63 | slot_of(bundle, 1) << 22 | (code >> 21 & 1) << 21 |
                    (code >> 22 & 0x1F) << 16 | (code >> 27 & 0x1FF) << 7 | (code >> 13 & 0x7F);
  const u64 moved = move(value);
  code &= ~(u64{1} << 36 | u64{1} << 21 | u64{0x1F} << 22 | u64{0x1FF} << 27 | u64{0x7F} << 13);
  code |= (moved >> 63) << 36 | (moved >> 21 & 1) << 21 | (moved >> 16 & 0x1F) << 22 |
          (moved >> 7 & 0x1FF) << 27 | (moved & 0x7F) << 13;
  put_slot(bundle, 2, code);
  put_slot(bundle, 1, moved >> 22 & kSlot);
}
Bytes moved_code(const Function& f, const Bytes& code, u64 code_base, const Mover& move) {
  Bytes out(code.begin() + static_cast<std::ptrdiff_t>(f.begin - code_base),
            code.begin() + static_cast<std::ptrdiff_t>(f.end - code_base));
  for (std::size_t at = 0; at < out.size(); at += 16) {
    Bundle bundle = load_bundle(&out[at]);
    const unsigned pattern = static_cast<unsigned>(bundle & 0x1F);
    for (int slot = 0; slot < 3; ++slot)
      if (is_branch_slot(pattern, slot)) aim_branch(bundle, slot, f.begin + at, f.at + at, move);
    if (pattern >> 1 == 2) aim_movl(bundle, move);
    for (int i = 0; i < 16; ++i)
      out[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(bundle >> (8 * i));
  }
  return out;
}

// ---- images ----
void place_functions(const json& recorded, std::vector<Image>& list, Mover& move) {
  for (const json& f : recorded["functions"])
    move.functions.push_back({f["name"], hex(f["begin"]), hex(f["end"]), 0});
  for (Function& f : move.functions) {
    Image* home = &list[0];
    for (Image& image : list)
      if (auto named = image.names.find(f.name); named != image.names.end()) {
        home = &image;
        f.name = named->second;
        break;
      }
    const Function* before = home->functions.empty() ? nullptr : home->functions.back();
    f.at =
        before ? (before->at + (before->end - before->begin) + 31) & ~u64{31} : home->base + kText;
    home->functions.push_back(&f);
  }
}

// .pdata rows and, behind them, UNWIND_INFO: version 3, flags, length in words, descriptors.
Bytes unwind_tables(const json& recorded, const Image& image, std::uint32_t rva,
                    std::uint32_t* table_size) {
  std::vector<std::pair<const Function*, Bytes>> infos;
  for (const Function* f : image.functions)
    for (const json& e : recorded["unwind"])
      if (hex(e["begin"]) == f->begin) {
        Bytes info, descriptors = hex_bytes(e["descriptors"]);
        put16(info, 0, 3);
        put32(info, 4, descriptors.size() / 8);
        put_bytes(info, 8, descriptors);
        infos.push_back({f, info});
      }
  *table_size = static_cast<std::uint32_t>(12 * infos.size());
  Bytes out(*table_size), row;
  align(out, 16);
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const Function& f = *infos[i].first;
    put32(out, 12 * i, f.at - image.base);
    put32(out, 12 * i + 4, f.at - image.base + (f.end - f.begin));
    put32(out, 12 * i + 8, rva + out.size());
    append(out, infos[i].second);
  }
  return out;
}

struct Built {
  PeWriter pe;
  Bytes pdb;
};
void add_symbols(const Image& image, Built& built) {
  Pdb20Writer pdb;
  Bytes records = cv_compile(0x80);
  for (const Function* f : image.functions) {
    const auto offset = static_cast<std::uint32_t>(f->at - image.base - kText);
    pdb.publics.push_back({f->name, 1, offset});
    append(records,
           cv_ia64_procedure({f->name, 1, offset, static_cast<std::uint32_t>(f->end - f->begin)}));
  }
  const Function& last = *image.functions.back();
  const auto size =
      static_cast<std::uint32_t>(last.at + (last.end - last.begin) - image.base - kText);
  pdb.signature = image.pdb_signature;
  pdb.info_age = pdb.dbi_age = 1;
  pdb.sections = {{kText, size}, {kConst, 0x1000}, {kData, 0x200}};
  pdb.modules.push_back({stem(image.name) + ".obj", records, {}, {{"", 1, 0, size}}});
  built.pdb = pdb.bytes();
}
Built build_image(const json& recorded, const Image& image, const Mover& move) {
  Built built{PeWriter(true), {}};
  PeWriter& pe = built.pe;
  pe.machine = 0x200;
  pe.base = image.base;
  pe.timestamp = image.timestamp;
  pe.checksum = image.checksum;
  pe.section_alignment = 0x2000;
  Bytes code, text;
  for (const json& bundle : recorded["code"]["bundles"]) append(code, hex_bytes(bundle));
  for (const Function* f : image.functions)
    put_bytes(text, f->at - image.base - kText,
              moved_code(*f, code, hex(recorded["code"]["address"]), move));
  pe.section(".text", kText, text, kCodeSection);

  std::uint32_t table_size = 0;
  Bytes constants = unwind_tables(recorded, image, kConst, &table_size);
  pe.directory(3, kConst, table_size);
  align(constants, 16);
  const auto version_at = static_cast<std::uint32_t>(kConst + constants.size());
  const Bytes version = version_resource(version_at, {5, 2, 3790, 3959});
  append(constants, version);
  pe.directory(2, version_at, static_cast<std::uint32_t>(version.size()));
  align(constants, 16);
  const auto debug_at = static_cast<std::uint32_t>(kConst + constants.size());
  const Bytes id = nb10(image.pdb_signature, 1, stem(image.name) + ".pdb");
  const std::uint32_t raw = static_cast<std::uint32_t>(pe.tail_offset()) + debug_at + 28 - kConst;
  append(constants, debug_rows({{2, static_cast<std::uint32_t>(id.size()), debug_at + 28, raw}}));
  append(constants, id);
  pe.directory(6, debug_at, 28);
  pe.section(".rdata", kConst, constants, kConstSection);
  pe.size_of_image = kData;
  if (image.base == images()[0].base) {
    // The linkage table (one word: the plabel of a function), variables, the plabel.
    Bytes data(kPlabel + 16);
    put64(data, 0, image.base + kData + kPlabel);
    put64(data, kPlabel, move(0x4000000000000180));
    put64(data, kPlabel + 8, image.base + kData);
    pe.section(".data", kData, data, kDataSection, 0x200);
    pe.size_of_image = kData + 0x2000;
  }
  add_symbols(image, built);
  return built;
}

// ---- CPUs ----
struct State {
  PaperCpu cpu;
  RegisterValues registers;
  std::pair<u64, Bytes> stack, store;
  std::string truth;
};
void put_words(std::pair<u64, Bytes>& piece, const json& words, const Mover& move) {
  for (const auto& [address, value] : words.items()) {
    const u64 at = move(std::stoull(address, nullptr, 16));
    put64(piece.second, at - piece.first, move(hex(value)));
  }
}
RegisterValues registers_of(const json& s, const Mover& move) {
  RegisterValues out;
  auto set = [&](const std::string& name, const json& value) { out[name] = move(hex(value)); };
  for (int i = 1; i < 32; ++i) set("r" + std::to_string(i), s["r"][static_cast<std::size_t>(i)]);
  for (int i = 0; i < 8; ++i) set("b" + std::to_string(i), s["b"][static_cast<std::size_t>(i)]);
  for (const char* name : {"pr", "pfs", "bsp", "rnat", "unat", "lc", "ec", "fpsr"})
    set(name, s[name]);
  set("ifs", s["cfm"]);
  out["iip"] = move(hex(s["ip"]));
  for (const auto& [number, value] : s["f"].items()) {
    const std::string digits = value; // sign and exponent, then 16 digits of significand
    out["f" + number] = std::stoull(digits.substr(digits.size() - 16), nullptr, 16);
    out["f" + number + "h"] = std::stoull(digits.substr(0, digits.size() - 16), nullptr, 16);
  }
  // Everything was flushed to the backing store.
  out["bspstore"] = skip_registers(out["bsp"], static_cast<std::int64_t>(hex(s["cfm"]) & 0x7F));
  out["rsc"] = 3;
  out["ipsr"] = 0x1010086A6010; // kernel mode with translation, as an SDM reader would set it
  return out;
}
std::string frames_of(const json& s, const Mover& move, const std::vector<Image>& list) {
  std::string out;
  for (const json& frame : s["frames"]) {
    const u64 ip = hex(frame["ip"]), pc = move(ip);
    std::string module;
    for (const Image& image : list)
      if (pc >= image.base && pc < image.base + 0x10000) module = image.name;
    const Function& f = *move.function(ip);
    char line[400];
    std::snprintf(
        line, sizeof line,
        "%s\n        {\"kind\": \"%s\", \"pc\": \"0x%016llx\", \"sp\": \"0x%016llx\", \"bsp\": "
        "\"0x%016llx\", \"module\": \"%s\", \"function\": \"%s\", \"offset\": %llu}",
        out.empty() ? "" : ",", out.empty() ? "start" : "call", static_cast<unsigned long long>(pc),
        static_cast<unsigned long long>(move(hex(frame["sp"]))),
        static_cast<unsigned long long>(move(hex(frame["bsp"]))), module.c_str(), f.name.c_str(),
        static_cast<unsigned long long>(pc - f.at));
    out += line;
  }
  return out;
}
// The kernel stack ends at `base`; the backing store grows up from there, as the pair lies on
// Itanium.
State state_at(const json& s, u64 base, Mover move, const std::vector<Image>& list) {
  State out;
  move.stack_delta = base - 0xA0 - move.stack_top;
  move.store_delta = base - move.store_base;
  out.stack = {base - 0x2000, Bytes(0x2000)};
  out.store = {base, Bytes(0x2000)};
  put_words(out.stack, s["stack"], move);
  put_words(out.store, s["store"], move);
  out.registers = registers_of(s, move);
  out.cpu.stack_limit = base - 0x8000;
  out.cpu.stack_base = base;
  out.cpu.store_base = base;
  out.cpu.store_limit = base + 0x6000;
  out.truth = frames_of(s, move, list);
  return out;
}

// ---- the machine ----
// The pool address that NbtCopyToStartOfIndicate stores to; no page of it is in the dumps.
constexpr u64 kBadAddress = 0xE000010605C42000;

// What the exception dispatcher leaves on the stack: the record and the CONTEXT that 0x7E points
// at.
void put_exception(State& s, PaperMachine& machine) {
  const u64 record = s.stack.first + 0x1000, context = record + 0xC0, ip = s.registers["iip"];
  Bytes bytes;
  put32(bytes, 0, 0xC0000005);
  put64(bytes, 0x10, ip);
  put32(bytes, 0x18, 2);
  put64(bytes, 0x20, 1); // a write
  put64(bytes, 0x28, kBadAddress);
  put_bytes(s.stack.second, record - s.stack.first, bytes);
  put_bytes(s.stack.second, context - s.stack.first, s.cpu.context);
  machine.bugcheck_code = 0x7E;
  machine.bugcheck_parameters = {0xFFFFFFFFC0000005, ip, record, context};
  s.cpu.saved_from = record;
}
PaperMachine machine_of(const std::vector<Image>& list, const std::vector<Built>& built,
                        const State& idle, const State& stopped, RsBsp convention) {
  PaperMachine m = paper_ia64_ws2003();
  for (std::size_t i = 0; i < list.size(); ++i)
    m.modules.push_back(
        {list[i].path, list[i].base, built[i].pe.memory(), list[i].timestamp, list[i].checksum});
  for (State s : {idle, stopped}) {
    // r32 is the first argument: the pointer.
    if (m.cpus.size() == 1) put64(s.store.second, s.registers["bsp"] - s.store.first, kBadAddress);
    s.cpu.context = context_ia64(s.registers, convention);
    s.cpu.thread_id = m.cpus.empty() ? 0x1C : 0x24;
    if (m.cpus.size() == 1) put_exception(s, m);
    m.cpus.push_back(s.cpu);
    m.memory.push_back(s.stack);
    m.memory.push_back(s.store);
  }
  m.crashed = 1;
  m.system_time = 0x1C98B67E6646000; // 2009-02-10 10:11:12 UTC
  return m;
}

// For check_moved.py: image, its base, where a function was and is; last the data.
std::string moves(const std::vector<Image>& list, const Mover& move) {
  std::string out;
  auto row = [&](const Image& image, u64 begin, u64 end, u64 at) {
    using ull = unsigned long long;
    char line[200];
    std::snprintf(line, sizeof line, "%s %llx %llx %llx %llx\n", image.name.c_str(),
                  static_cast<ull>(image.base), static_cast<ull>(begin), static_cast<ull>(end),
                  static_cast<ull>(at));
    out += line;
  };
  for (const Image& image : list)
    for (const Function* f : image.functions) row(image, f->begin, f->end, f->at);
  row(list[0], move.data_from, move.data_from + kPlabel, move.data_to);
  return out;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr,
                 "usage: make_itanium STATES.json SYMBOLS_FOLDER SAMPLES_FOLDER MOVED.tsv\n");
    return 2;
  }
  const json recorded = read_recording(argv[1]);
  std::vector<Image> list = images();
  Mover move;
  place_functions(recorded, list, move);
  move.data_from = hex(recorded["gp"]);
  move.data_to = list[0].base + kData;
  move.stack_top = hex(recorded["stack_top"]);
  move.store_base = hex(recorded["store_base"]);
  std::vector<Built> built;
  for (const Image& image : list) {
    built.push_back(build_image(recorded, image, move));
    write_file(std::string(argv[2]) + "/" + image.name, built.back().pe.file());
    write_file(std::string(argv[2]) + "/" + stem(image.name) + ".pdb", built.back().pdb);
  }
  const State stopped = state_at(recorded["states"][0], 0xE000010600A1A000, move, list);
  const State idle = state_at(recorded["states"][1], 0xE000010600A0A000, move, list);
  const std::string to = std::string(argv[3]) + "/", name = "kernel-ia64-ws2003sp2-kb961799";
  write_file(to + name + "-full.dmp",
             write_ia64_pagedu64(machine_of(list, built, idle, stopped, RsBsp::base)));
  write_file(to + name + "-triage.dmp",
             write_ia64_triage(machine_of(list, built, idle, stopped, RsBsp::top)));
  const std::string truth =
      "{\n  \"made_by\": \"a shadow stack of calls while the code ran in a simulator\",\n"
      "  \"cpus\": [\n    {\"number\": 0, \"frames\": [" +
      idle.truth + "]},\n    {\"number\": 1, \"frames\": [" + stopped.truth + "]}\n  ]\n}\n";
  write_file(to + "truth/" + name + ".json", truth);
  write_file(argv[4], moves(list, move));
  return 0;
}
