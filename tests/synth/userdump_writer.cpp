#include "synth/userdump_writer.h"

namespace dumptriage::synth {
namespace {

std::size_t write_event(Bytes& out, const UserDump& dump, const UdEvent& event) {
  std::size_t at = out.size();
  bool wide = dump.is64;
  std::size_t record = at + (wide ? 0x10 : 0x0C), pointer = wide ? 8 : 4;
  out.resize(record + (wide ? 0x98 : 0x50) + 4);
  put32(out, at, event.kind);
  put32(out, at + 4, event.process);
  put32(out, at + 8, event.thread);
  put32(out, record, event.code);
  put32(out, record + 4, event.flags);
  put(out, record + 8, event.record, pointer);
  put(out, record + 8 + pointer, event.address, pointer);
  std::size_t count = record + 8 + 2 * pointer;
  put32(out, count,
        event.parameter_count.value_or(static_cast<std::uint32_t>(event.parameters.size())));
  for (std::size_t i = 0; i < event.parameters.size(); ++i)
    put(out, count + (wide ? 8 : 4) + i * pointer, event.parameters[i], pointer);
  put32(out, record + (wide ? 0x98 : 0x50), 1); // dwFirstChance
  align(out, 8);
  return at;
}

void write_region(Bytes& out, bool wide, const UdRegion& region) {
  std::size_t at = out.size();
  if (wide) {
    out.resize(at + 0x30);
    put64(out, at + 0x00, region.base);
    put64(out, at + 0x08, region.allocation_base);
    put32(out, at + 0x10, region.allocation_protect);
    put64(out, at + 0x18, region.size);
    put32(out, at + 0x20, region.state);
    put32(out, at + 0x24, region.protect);
    put32(out, at + 0x28, region.type);
    return;
  }
  put32(out, at + 0x00, region.base);
  put32(out, at + 0x04, region.allocation_base);
  put32(out, at + 0x08, region.allocation_protect);
  put32(out, at + 0x0C, region.size);
  put32(out, at + 0x10, region.state);
  put32(out, at + 0x14, region.protect);
  put32(out, at + 0x18, region.type);
}

void write_state(Bytes& out, bool wide, const UdThread& thread) {
  std::size_t at = out.size();
  out.resize(at + (wide ? 0x50 : 0x30));
  put32(out, at, thread.id);
  put32(out, at + 4, thread.suspend_count);
  put32(out, at + 8, thread.priority_class);
  put32(out, at + 0xC, thread.priority);
  put(out, at + 0x10, thread.teb, wide ? 8 : 4);
}

void write_module(Bytes& out, const UserDump& dump, const UdModule& module) {
  std::size_t at = out.size(), pointer = dump.is64 ? 8 : 4;
  put(out, at, module.base, pointer);
  put32(out, at + pointer, module.size);
  put32(out, at + pointer + 4, module.name.size() + (dump.count_terminator ? 1 : 0));
  put_text(out, at + pointer + 8, module.name);
  std::size_t end = at + pointer + 8 + module.name.size() + (dump.write_terminator ? 1 : 0);
  out.resize(end + dump.name_gap);
}

void write_header(Bytes& out, const UserDump& dump, const UserDumpPlaces& places) {
  put_text(out, 0, dump.is64 ? "USERDU64" : "USERDUMP");
  put32(out, 0x08, dump.major);
  put32(out, 0x0C, dump.minor);
  put32(out, 0x10, dump.machine);
  put32(out, 0x14, dump.threads.size());
  put32(out, 0x18, dump.modules.size());
  put32(out, 0x1C, dump.regions.size());
  const std::size_t tables[] = {places.threads, places.modules, places.data,   places.regions,
                                places.event,   places.states,  places.version};
  std::size_t width = dump.is64 ? 8 : 4;
  for (std::size_t i = 0; i < std::size(tables); ++i) put(out, 0x20 + i * width, tables[i], width);
}

} // namespace

Bytes write_userdump(const UserDump& dump, UserDumpPlaces* places_out) {
  UserDumpPlaces places;
  Bytes out(dump.is64 ? 0x60 : 0x40);
  if (dump.event) places.event = write_event(out, dump, *dump.event);
  places.regions = out.size();
  for (const UdRegion& region : dump.regions) write_region(out, dump.is64, region);
  places.threads = out.size();
  for (const UdThread& thread : dump.threads) append(out, thread.context);
  out.resize(out.size() + dump.context_padding);
  if (dump.thread_states) {
    places.states = out.size();
    for (const UdThread& thread : dump.threads) write_state(out, dump.is64, thread);
  }
  places.modules = out.size();
  for (const UdModule& module : dump.modules) write_module(out, dump, module);
  if (dump.version_info) {
    places.version = out.size();
    put32(out, places.version, 1);
    put32(out, places.version + 4, dump.is64 ? 8 : 4);
  }
  align(out, 16);
  places.data = out.size();
  for (const UdRegion& region : dump.regions) {
    if (!region.data) continue;
    std::size_t at = append(out, region.bytes);
    out.resize(at + region.size);
  }
  write_header(out, dump, places);
  if (places_out != nullptr) *places_out = places;
  return out;
}

} // namespace dumptriage::synth
