// The machines whose full dumps are inputs of tests: those of tests/data/kernels, and where the
// shared folder is there, its kernels of executed code.  Images and symbols lie beside each.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "samples/samples.h"
#include "synth/archives.h"
#include "synth/full_dump.h"

namespace dumptriage::samples {

struct MachineFile {
  std::string name, path;
  std::string folder() const { return std::filesystem::path(path).parent_path().string(); }
};
inline void PrintTo(const MachineFile& machine, std::ostream* out) { *out << machine.name; }

inline std::vector<MachineFile> machine_files() {
  std::vector<MachineFile> out;
  auto add = [&](const std::string& folder) {
    std::error_code none;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, none)) {
      std::string file = entry.path().filename().string();
      std::string lower = file;
      for (char& c : lower) c = static_cast<char>(c | (c >= 'A' && c <= 'Z' ? 0x20 : 0));
      if (lower.find(".dmp") == std::string::npos) continue;
      std::string name = std::filesystem::relative(entry.path(), folder).string();
      for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
      out.push_back({name, entry.path().string()});
    }
  };
  add(DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels");
  add(std::string(DUMPTRIAGE_SHARED_DIR) + "/oracles/kernel");
  std::sort(out.begin(), out.end(),
            [](const MachineFile& a, const MachineFile& b) { return a.path < b.path; });
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
