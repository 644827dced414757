#include "matrix/scenario.h"

#include <chrono>
#include <cstdio>

#include "synth/convert.h"

namespace dumptriage::matrix {
namespace {

using Kind = NtFunction::Kind;

bool is_nt4(NtSystem system) { return system == NtSystem::nt4_x86; }

std::uint64_t base_of(NtSystem system, std::size_t driver) {
  if (system == NtSystem::ws2003sp2_x64) return 0xFFFFFADFE0100000 + 0x10000 * driver;
  return (is_nt4(system) ? 0xFE400000 : 0xF7400000) + 0x10000 * driver;
}

std::size_t number_of(const std::string& name) {
  static const char* const kNames[] = {"sfmsrv.sys", "netbt.sys", "tcpip.sys", "mup.sys",
                                       "rdr.sys",    "srv.sys",   "fsfilt.sys"};
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if (name == kNames[i]) return i;
  return std::size(kNames);
}

} // namespace

std::uint32_t day(int year, int month, int day) {
  using namespace std::chrono;
  const sys_days date = std::chrono::year(year) / month / day;
  return static_cast<std::uint32_t>(date.time_since_epoch().count() * 86400 + 43200);
}

NtImage kernel(NtSystem system, std::vector<std::string> workers) {
  const bool wide = system == NtSystem::ws2003sp2_x64;
  NtImage image;
  image.path =
      is_nt4(system) ? "\\WINNT\\System32\\ntoskrnl.exe" : "\\WINDOWS\\system32\\ntoskrnl.exe";
  image.base = wide ? 0xFFFFF80001000000 : is_nt4(system) ? 0x80100000 : 0x80800000;
  image.timestamp = is_nt4(system) ? day(1999, 9, 21) : day(2007, 2, 17);
  if (is_nt4(system))
    image.version = {4, 0, 1381, 335};
  else
    image.version = {5, 2, 3790, 3959};
  image.debug_file = is_nt4(system) ? "exe\\ntoskrnl.dbg" : "ntoskrnl.pdb";
  const std::string trap = wide ? "KiPageFault" : "KiTrap0E";
  image.functions = {
      {.name = "PspSystemThreadStartup", .parameters = 2, .calls = {"ExpWorkerThread"}},
      {.name = "ExpWorkerThread", .parameters = 1, .calls = std::move(workers)},
      {.name = "KeBugCheckEx", .exported = true, .parameters = 5, .locals = 0x40},
      {.name = trap, .calls = {"KeBugCheckEx"}, .kind = Kind::trap},
      {.name = "ExFreePool", .exported = true, .parameters = 1},
      {.name = "IoFreeIrp", .exported = true, .parameters = 1, .calls = {"ExFreePool"}},
  };
  if (wide) return image;
  image.functions.push_back({.name = "KeWaitForSingleObject",
                             .exported = true,
                             .parameters = 5,
                             .calls = {"KiSwapThread"}});
  image.functions.push_back({.name = "KiSwapThread", .calls = {"KiSwapContext"}});
  image.functions.push_back(
      {.name = "KiSwapContext", .calls = {"SwapContext"}, .kind = Kind::swap_caller});
  image.functions.push_back({.name = "SwapContext", .kind = Kind::swap_context});
  image.functions.push_back(
      {.name = "ExpWaitForResource", .parameters = 2, .calls = {"KeWaitForSingleObject"}});
  image.functions.push_back({.name = "ExAcquireResourceExclusiveLite",
                             .exported = true,
                             .parameters = 2,
                             .calls = {"ExpWaitForResource"}});
  return image;
}

NtImage driver(NtSystem system, const std::string& name, std::vector<NtFunction> functions) {
  NtImage image;
  image.path = "\\SystemRoot\\System32\\drivers\\" + name;
  image.base = base_of(system, number_of(name));
  image.timestamp = is_nt4(system) ? day(1999, 4, 2) : day(2007, 2, 17);
  if (is_nt4(system))
    image.version = {4, 0, 1381, 335};
  else
    image.version = {5, 2, 3790, 3959};
  image.functions = std::move(functions);
  image.functions.push_back({.name = image.stem() + "DriverEntry", .parameters = 2});
  image.functions.front().exported = false;
  image.functions.back().exported = true;
  image.debug_file = is_nt4(system) ? "sys\\" + image.stem() + ".dbg" : image.stem() + ".pdb";
  return image;
}

Files symbols(const NtMachine& machine, Level level) {
  Files files;
  if (level == Level::none) return files;
  for (const NtImage& image : machine.code.images()) {
    files[image.file_name()] = machine.code.image(image).file();
    if (level == Level::exports) continue;
    const auto form = level == Level::full ? synth::NtSymbols::full : synth::NtSymbols::publics;
    if (is_nt4(machine.system))
      files[image.stem() + ".dbg"] = nt_dbg(image, form);
    else
      files[image.stem() + ".pdb"] = nt_pdb(image, form);
  }
  return files;
}

namespace {

std::string frames_of(const NtMachine& machine, const NtStack& stack) {
  std::string out;
  for (const synth::NtFrame& frame : stack.frames()) {
    const char* kind = out.empty() ? "start" : frame.interrupted ? "interrupted" : "call";
    const int digits = machine.wide ? 16 : 8;
    char line[300];
    std::snprintf(line, sizeof line,
                  "%s\n        {\"kind\": \"%s\", \"pc\": \"0x%0*llx\", \"sp\": \"0x%0*llx\", "
                  "\"module\": \"%s\", \"function\": \"%s\", \"offset\": %llu}",
                  out.empty() ? "" : ",", kind, digits, static_cast<unsigned long long>(frame.pc),
                  digits, static_cast<unsigned long long>(frame.sp),
                  machine.code.home(frame.function).file_name().c_str(), frame.function.c_str(),
                  static_cast<unsigned long long>(frame.pc - machine.code.address(frame.function)));
    out += line;
  }
  return out;
}

std::string list_of(const NtMachine& machine, const std::vector<const NtStack*>& stacks) {
  std::string out;
  for (std::size_t i = 0; i < stacks.size(); ++i)
    out += std::string(i == 0 ? "" : ",\n") + "    {\"number\": " + std::to_string(i) +
           ", \"frames\": [" + frames_of(machine, *stacks[i]) + "]}";
  return out;
}

} // namespace

std::string truth_of(const NtMachine& machine, const std::vector<const NtStack*>& running,
                     const std::vector<const NtStack*>& waiting) {
  std::string out = "{\n  \"made_by\": \"the frames as the writer laid them\",\n  \"cpus\": [\n" +
                    list_of(machine, running) + "\n  ]";
  if (!waiting.empty()) out += ",\n  \"waiting\": [\n" + list_of(machine, waiting) + "\n  ]";
  return out + "\n}\n";
}

synth::Bytes dump_of(NtMachine& machine, const std::string& kind) {
  synth::Bytes full = machine.full_dump();
  if (kind == "full") return full;
  const auto dump = synth::FullDump::open(full);
  if (!dump) return {};
  return synth::convert(*dump, kind == "summary" ? "summary-kernel" : kind)
      .value_or(synth::Bytes());
}

} // namespace dumptriage::matrix
