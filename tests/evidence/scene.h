// Snapshots and stacks laid down by hand: what a dump would have said.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "evidence/evidence.h"

namespace scene {

using namespace dumptriage;

struct Sure {
  std::uint64_t pc = 0;
  std::string function;     // empty = no name
  bool interrupted = false; // a machine frame: exact, not a return address
};

class Scene {
public:
  Scene(arch::Machine machine, bool kernel) {
    snapshot.machine = machine;
    snapshot.kernel = kernel;
    snapshot.os.family = kernel ? "ws2003" : "win10";
    snapshot.os.build = kernel ? 3790 : 19041;
    snapshot.os.processors = 1;
    memory_ = std::make_shared<memory::FlatRanges>();
  }

  std::size_t module(const std::string& path, std::uint64_t base, std::uint64_t size = 0x10000,
                     std::uint32_t timestamp = 0x45D69710) {
    dump::Module row;
    row.path = path;
    row.base = base;
    row.size = size;
    row.timestamp = timestamp;
    snapshot.modules.push_back(row);
    return snapshot.modules.size() - 1;
  }

  void bytes(std::uint64_t address, std::vector<std::uint8_t> content) {
    kept_.push_back(std::move(content));
    memory_->add(address, ByteView(kept_.back().data(), kept_.back().size()));
  }

  const arch::Arch& cpu() const { return *arch::find(snapshot.machine); }

  arch::Registers registers(std::uint64_t pc, std::uint64_t sp = 0) const {
    arch::Registers values;
    values.set(cpu().pc, pc);
    if (sp != 0) values.set(cpu().sp, sp);
    return values;
  }

  system::ThreadState& crashed(const std::string& id = "4", std::optional<std::uint32_t> cpu = {}) {
    system::ThreadState thread;
    thread.id = id;
    thread.cpu = cpu;
    thread.crashed = true;
    snapshot.threads.push_back(thread);
    stacks.emplace_back();
    return snapshot.threads.back();
  }

  // Frames of the thread added last: the first `sure` of them proved.
  void stack(const std::vector<Sure>& frames, std::size_t sure = SIZE_MAX, bool whole = false) {
    stack::Stack& stack = stacks.back();
    for (const Sure& row : frames) {
      stack::Frame frame;
      frame.pc = row.pc;
      frame.exact_pc = stack.frames.empty() || row.interrupted;
      frame.trust = stack.frames.empty() ? arch::Trust::context : arch::Trust::unwind_data;
      if (stack.frames.size() >= sure) frame.trust = arch::Trust::scan;
      frame.registers = registers(row.pc);
      for (std::size_t i = 0; i < snapshot.modules.size(); ++i) {
        if (snapshot.modules[i].contains(frame.lookup())) frame.module = i;
      }
      if (!row.function.empty()) frame.symbol = name(row.function, frame);
      stack.frames.push_back(frame);
    }
    stack.sure_frames = std::min(sure, frames.size());
    stack.whole = whole;
    if (!whole) stack.sure_ended = "no image";
  }

  void bugcheck(std::uint32_t code, std::vector<std::uint64_t> parameters) {
    snapshot.stop.kind = system::StopKind::bugcheck;
    snapshot.stop.code = code;
    snapshot.stop.parameters = std::move(parameters);
  }

  void exception(std::uint32_t code, std::uint64_t address,
                 std::vector<std::uint64_t> parameters = {}) {
    dump::ExceptionRecord record;
    record.code = code;
    record.address = address;
    record.parameters = std::move(parameters);
    snapshot.stop.exception = record;
    if (snapshot.stop.kind == system::StopKind::none) {
      snapshot.stop.kind = system::StopKind::exception;
      snapshot.stop.code = code;
    }
  }

  void context(arch::Registers registers) { snapshot.stop.fault_context = registers; }

  // Call once, when all is laid down.
  evidence::Input input() {
    memory_->seal();
    snapshot.memory = memory_;
    modules_ =
        std::make_unique<symbols::ModuleSet>(snapshot.modules, memory_, snapshot.machine, nullptr);
    return {snapshot, stacks, *modules_};
  }

  system::Snapshot snapshot;
  std::vector<stack::Stack> stacks;

private:
  symbols::NamedSymbol name(const std::string& function, const stack::Frame& frame) const {
    symbols::NamedSymbol named;
    named.symbol.function = function;
    named.symbol.source = symbols::NameSource::pdb;
    named.exact = true;
    named.origin = memory::Origin::image;
    if (frame.module)
      named.symbol.rva = static_cast<std::uint32_t>(
          (frame.lookup() - snapshot.modules[*frame.module].base) & ~0xFFull);
    return named;
  }

  std::shared_ptr<memory::FlatRanges> memory_;
  std::deque<std::vector<std::uint8_t>> kept_;
  std::unique_ptr<symbols::ModuleSet> modules_;
};

} // namespace scene
