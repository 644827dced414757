#include "torture/samples.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include "synth/archives.h"
#include "synth/convert.h"
#include "synth/userdump_writer.h"

namespace dumptriage::torture {
namespace {

constexpr std::uint64_t kFlips = 100'000;

Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> files_of(const std::string& dir) {
  std::vector<std::string> paths;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir, ignored))
    if (entry.path().filename().string().find(".dmp") != std::string::npos)
      paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Every byte up to the end of the headers, then every 4 KB.
std::vector<std::uint64_t> header_cuts(std::uint64_t size, std::uint64_t headers) {
  std::vector<std::uint64_t> cuts;
  for (std::uint64_t at = 0; at < std::min(size, headers); ++at) cuts.push_back(at);
  for (std::uint64_t at = (headers + 0xfff) / 0x1000 * 0x1000; at < size; at += 0x1000)
    cuts.push_back(at);
  return cuts;
}

// Words that are addresses of this machine, or look like entries of its page tables.
std::vector<std::uint64_t> links_of(const synth::FullDump& machine, const Bytes& bytes) {
  const unsigned width = machine.pointer_size();
  std::vector<std::uint64_t> links;
  for (std::uint64_t at = 0; at + width <= bytes.size(); at += width) {
    std::uint64_t value = synth::number_at(bytes, at, width);
    bool kernel = width == 8 ? value >> 47 == 0x1ffff : value >> 31 == 1;
    bool entry = (value & 1) && (value & 0x718) == 0 && value >> 12 != 0 && value >> 40 == 0 &&
                 machine.page((value >> 12) & 0xfffffff);
    if (entry || (kernel && machine.physical(value))) links.push_back(at);
  }
  return links;
}

struct Wanted {
  const char *name, *machine, *kind;
};
constexpr Wanted kWanted[] = {
    {"full 64", "x64", "full-small"},
    {"full 32", "x86", "full-small"},
    {"full 32 PAE", "pae", "full-small"},
    {"summary 64", "x64", "summary-small"},
    {"summary 32", "x86", "summary-small"},
    {"bitmap full 64", "x64", "bitmap-full-small"},
    {"bitmap kernel 64", "x64", "bitmap-small"},
    {"bitmap kernel 32", "pae", "bitmap-small"},
    {"RDMP 8", "x64", "rdmp-8-small"},
    {"RDMP 9", "x64", "rdmp-9-small"},
    {"RDMP A", "x64", "rdmp-a-small"},
    {"live", "x64", "live-small"},
    {"triage 64", "x64", "triage"},
    {"triage 32", "pae", "triage"},
    {"NT 4 form", "x86", "nt4-small"},
    {"header only 64", "x64", "header"},
    {"header only 32", "x86", "header"},
};

std::string machine_of(const synth::FullDump& dump) {
  if (dump.is64()) return dump.header(0x30, 4) == 0x8664 ? "x64" : "";
  return dump.header(0x5c, 1) == 1 ? "pae" : "x86";
}

Sample kernel_sample(const synth::FullDump& machine, const Wanted& wanted, Bytes bytes) {
  Sample sample;
  sample.name = wanted.name;
  const std::uint64_t header = machine.header_size();
  // What follows the header: the triage header, or a bitmap or list of ranges up to the first page.
  const bool pages =
      std::string(wanted.kind).find("full-small") != 0 && std::string(wanted.kind).find("nt4") != 0;
  sample.cuts = header_cuts(bytes.size(), header + (pages ? 0x200 : 0));
  sample.flips = kFlips;
  sample.hot = {{0, 0x100}, {0, header}, {header, 0x80}, {header, 0x200}};
  sample.links = links_of(machine, bytes);
  sample.link_size = machine.pointer_size();
  for (std::size_t i = 0; i < sample.links.size(); i += sample.links.size() / 4 + 1)
    sample.addresses.push_back(synth::number_at(bytes, sample.links[i], sample.link_size));
  sample.bytes = std::move(bytes);
  return sample;
}

// A program of NT 4 that touched a bad address: one thread on a stack with a chain of frames.
Sample user_sample() {
  constexpr std::uint64_t kStack = 0x12f000, kSize = 0x1000;
  synth::UserDump dump;
  Bytes context(0x2cc), stack(kSize);
  synth::put32(context, 0, 0x10007);
  synth::put32(context, 0xb4, kStack + 0x800); // Ebp
  synth::put32(context, 0xb8, 0x401020);       // Eip
  synth::put32(context, 0xc4, kStack + 0x7f0); // Esp
  for (std::uint64_t at = 0x800; at < 0xf00; at += 0x100) {
    synth::put32(stack, at, kStack + at + 0x100);
    synth::put32(stack, at + 4, 0x401100);
  }
  dump.threads.push_back({0x51, 0, 0x20, 8, 0x7ffde000, context});
  dump.threads.push_back({0x52, 0, 0x20, 8, 0x7ffdd000, context});
  dump.modules = {{0x400000, 0x8000, "program.exe"}, {0x77f60000, 0x5c000, "ntdll.dll"}};
  synth::UdRegion region;
  region.base = region.allocation_base = kStack, region.size = kSize, region.bytes = stack;
  dump.regions.push_back(region);
  synth::UdEvent event;
  event.thread = 0x51, event.address = 0x401020, event.parameters = {0, 0x24};
  dump.event = event;
  dump.version_info = true;
  Sample sample;
  sample.name = "USERDUMP";
  sample.bytes = synth::write_userdump(dump);
  sample.cuts = header_cuts(sample.bytes.size(), sample.bytes.size());
  sample.flips = kFlips;
  sample.hot = {{0, 0x50}, {0, 0x200}};
  sample.link_size = 4;
  return sample;
}

} // namespace

std::vector<Sample> dump_samples(const std::string& dir) {
  std::vector<Sample> samples;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    if (entry.path().extension() != ".dmp") continue;
    Sample sample;
    sample.name = entry.path().filename().string();
    sample.bytes = read_file(entry.path().string());
    sample.hot = {{0, 0x100}, {0, 0x1100}, {0x2000, 0x80}, {0x2000, 0x200}};
    for (std::uint64_t at = 0; at < sample.bytes.size(); ++at) sample.cuts.push_back(at);
    samples.push_back(std::move(sample));
  }
  std::sort(samples.begin(), samples.end(),
            [](const Sample& a, const Sample& b) { return a.name < b.name; });
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i].flips = kFlips / samples.size() + (i < kFlips % samples.size() ? 1 : 0);
  return samples;
}

std::vector<Sample> kernel_dump_samples(const std::string& dir) {
  // One machine of each kind, the first by name.
  std::map<std::string, Bytes> files;
  for (const std::string& path : files_of(dir)) {
    auto bytes = synth::unpacked_file(path);
    if (!bytes) continue;
    auto machine = synth::FullDump::open(*bytes);
    if (!machine) continue;
    files.emplace(machine_of(*machine), std::move(*bytes));
  }
  std::vector<Sample> samples;
  for (const Wanted& wanted : kWanted) {
    auto file = files.find(wanted.machine);
    if (file == files.end()) continue;
    auto machine = synth::FullDump::open(file->second);
    if (auto bytes = synth::convert(*machine, wanted.kind))
      samples.push_back(kernel_sample(*machine, wanted, std::move(*bytes)));
  }
  if (!samples.empty()) samples.push_back(user_sample());
  return samples;
}

} // namespace dumptriage::torture
