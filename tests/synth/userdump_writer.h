// Writes user dumps of NT 4 and Windows 2000 (USERDUMP, USERDU64) byte by byte, from the notes on
// the format alone.  What the notes leave open can be written either way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "synth/bytes_out.h"

namespace dumptriage::synth {

struct UdThread {
  std::uint32_t id = 0, suspend_count = 0, priority_class = 0x20, priority = 8;
  std::uint64_t teb = 0;
  Bytes context;
};

struct UdModule {
  std::uint64_t base = 0;
  std::uint32_t size = 0;
  std::string name;
};

struct UdRegion {
  std::uint64_t base = 0, allocation_base = 0, size = 0;
  std::uint32_t allocation_protect = 4, state = 0x1000, protect = 4, type = 0x20000;
  Bytes bytes; // padded with zeros to `size` when `data`
  bool data = true;
};

struct UdEvent {
  std::uint32_t kind = 1, process = 0, thread = 0;
  std::uint32_t code = 0xC0000005, flags = 0;
  std::uint64_t record = 0, address = 0;
  std::vector<std::uint64_t> parameters;
  std::optional<std::uint32_t> parameter_count; // a lie
};

struct UserDump {
  bool is64 = false;
  std::uint32_t major = 0xF, minor = 1381, machine = 0x14C;
  std::vector<UdThread> threads;
  std::vector<UdModule> modules;
  std::vector<UdRegion> regions;
  std::optional<UdEvent> event;
  bool thread_states = true;
  bool version_info = false;
  std::size_t name_gap = 0;     // bytes between a name and the next module
  bool count_terminator = true; // ImageNameLength counts the NUL
  bool write_terminator = true;
  std::size_t context_padding = 0; // behind the contexts
};

struct UserDumpPlaces {
  std::size_t event = 0, regions = 0, threads = 0, states = 0, modules = 0, version = 0, data = 0;
};
Bytes write_userdump(const UserDump& dump, UserDumpPlaces* places = nullptr);

} // namespace dumptriage::synth
