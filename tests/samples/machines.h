// The machines whose full dumps are inputs of tests: tests/data/kernels, where their images and
// symbols are as well.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "samples/samples.h"
#include "synth/archives.h"
#include "synth/full_dump.h"

namespace dumptriage::samples {

inline const char* const kMachines = DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels";

struct MachineFile {
  std::string name, path;
};
inline void PrintTo(const MachineFile& machine, std::ostream* out) { *out << machine.name; }

inline std::vector<MachineFile> machine_files() {
  std::vector<MachineFile> out;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(kMachines, none)) {
    std::string name = entry.path().filename().string();
    const std::size_t end = name.find(".dmp");
    if (end == std::string::npos) continue;
    name.resize(end);
    for (char& c : name)
      if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
    out.push_back({name, entry.path().string()});
  }
  std::sort(out.begin(), out.end(),
            [](const MachineFile& a, const MachineFile& b) { return a.path < b.path; });
  return out;
}

// One machine of each kind: those that stopped by a page fault or, where there is none, the first.
inline std::vector<MachineFile> some_machines() {
  std::vector<MachineFile> out;
  std::vector<std::string> kinds;
  auto take = [&](const MachineFile& machine) {
    const std::string kind =
        machine.name.substr(0, machine.name.find('_', machine.name.find('_') + 1));
    if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return;
    kinds.push_back(kind);
    out.push_back(machine);
  };
  for (const MachineFile& machine : machine_files())
    if (machine.name.ends_with("_fault") && !machine.name.ends_with("double_fault")) take(machine);
  for (const MachineFile& machine : machine_files()) take(machine);
  return out;
}

// A machine in memory.
struct LoadedMachine {
  synth::Bytes file;
  std::optional<synth::FullDump> dump;
};
inline LoadedMachine load(const MachineFile& machine) {
  LoadedMachine loaded;
  if (auto bytes = synth::unpacked_file(machine.path)) loaded.file = std::move(*bytes);
  loaded.dump = synth::FullDump::open(loaded.file);
  return loaded;
}

} // namespace dumptriage::samples
