// A machine of tests/data/kernels, the truth it noted, and what the program says about it.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "samples/machines.h"
#include "samples/true_stacks.h"

namespace dumptriage::samples {

inline nlohmann::json truth_of(const MachineFile& machine) {
  std::string path = machine.path;
  return read_json(path.substr(0, path.find(".dmp")) + ".truth.json");
}
inline std::string images_of(const nlohmann::json& truth) {
  return std::string(kMachines) + "/" + truth["kernel"].get<std::string>();
}

struct Analysed {
  nlohmann::json truth;
  synth::Bytes file;
  report::Document document;
  int pointer_size = 8;

  const report::ThreadRow* thread(std::uint64_t object) const {
    for (const report::ThreadRow& row : document.threads)
      if (row.object == object) return &row;
    return nullptr;
  }
  std::string name_of_thread(std::uint64_t object) const {
    for (const auto& thread : truth["threads"])
      if (number(thread["object"]) == object) return thread["name"];
    return "?";
  }
};

// All stacks, all locks, the planted pool blocks asked for.  With `symbols`, names too.
inline Analysed analyse(const MachineFile& machine, bool symbols = true) {
  Analysed out;
  out.truth = truth_of(machine);
  out.pointer_size = out.truth["address_space"] == "x64" ? 8 : 4;
  out.file = load(machine).file;
  std::vector<symbols::SearchRoot> roots;
  if (symbols) roots.push_back({images_of(out.truth), memory::Origin::image});
  pipeline::Analyzer analyzer(rules::builtin_catalogue(), std::move(roots));
  pipeline::Options options;
  options.threads = pipeline::Threads::all;
  options.locks = true;
  for (const auto& block : out.truth["pool"]) options.pool.push_back(number(block["address"]));
  out.document = analyzer.analyze(
      MappedFile::borrow(ByteView(out.file.data(), out.file.size()), "MEMORY.DMP"), options);
  return out;
}

} // namespace dumptriage::samples
