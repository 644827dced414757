#include "report/text_parts.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::report::text {
namespace {

std::string up_time(std::uint64_t seconds) {
  std::string text;
  if (seconds >= 86400) text = fmt::format("{} d ", seconds / 86400);
  if (seconds >= 3600) text += fmt::format("{} h ", seconds / 3600 % 24);
  if (seconds >= 60) text += fmt::format("{} min ", seconds / 60 % 60);
  return text + fmt::format("{} s", seconds % 60);
}

std::string headline(const Document& d) {
  const auto& c = d.crash;
  std::string name = c.name.empty() ? "" : " " + c.name;
  if (c.kind == "bugcheck") return fmt::format("Bugcheck {}{}", hex(c.code, 8), name);
  if (c.kind == "exception") return fmt::format("Exception {}{}", hex(c.code, 8), name);
  if (c.kind == "hang") return "Nothing crashed: the dump was taken of something that hung";
  return "The dump records no crash";
}

void parameters(Paper& paper, const Document& d) {
  bool bugcheck = d.crash.kind == "bugcheck";
  int number = 0;
  for (const Parameter& row : d.crash.parameters) {
    ++number;
    if (!bugcheck && row.meaning.empty()) continue;
    paper.item(fmt::format("  {}", number), hex_address(row.value, d.pointer_size) +
                                                (row.meaning.empty() ? "" : "  " + row.meaning));
  }
}

void exception(Paper& paper, const Document& d) {
  const auto& e = d.crash.exception;
  if (!e.present) return;
  // The headline has said it already.
  if (d.crash.kind == "exception" && e.code == d.crash.code && d.crash.ip == e.address) return;
  std::string text = hex(e.code, 8);
  if (!e.name.empty()) text += " " + e.name;
  text += " at " + hex_address(e.address, d.pointer_size);
  if (!e.from.empty()) text += " (" + e.from + ")";
  paper.item("Exception", text);
}

// Where modules overlap, the frame says which one it is.
const FrameRow* frame_at(const Document& d, std::uint64_t address) {
  for (const ThreadRow& thread : d.threads)
    if (thread.crashed)
      for (std::size_t i = 0; i < std::min(thread.sure_frames, thread.frames.size()); ++i)
        if (thread.frames[i].pc == address) return &thread.frames[i];
  return nullptr;
}

std::string module_at(const Document& d, std::uint64_t address) {
  const FrameRow* frame = frame_at(d, address);
  if (frame && frame->module.empty()) return place_of(*frame, d.pointer_size);
  for (const ModuleRow& row : d.modules)
    if (frame && frame->module != row.name)
      continue;
    else if (address >= row.base && address - row.base < row.size)
      return fmt::format("{}+{}", row.name, hex(address - row.base));
  return "in no known module";
}

void instruction(Paper& paper, const Document& d) {
  const auto& c = d.crash;
  if (c.ip) {
    std::string text = hex_address(*c.ip, d.pointer_size);
    text += " " + module_at(d, *c.ip);
    if (!c.instruction.empty()) text += ": " + c.instruction;
    paper.item("Instruction", text);
  }
  if (c.address) {
    std::string text = hex_address(*c.address, d.pointer_size);
    if (!c.access.empty()) text += ", " + c.access;
    if (!c.address_class.empty()) text += ", " + c.address_class;
    paper.item("Address", text);
  }
  paper.item("Meaning", c.explanation);
}

// The blamed frame, or its name, comes from a file that merely lay beside the dump.
bool rests_on_sibling(const Document& d) {
  for (const ThreadRow& thread : d.threads)
    for (const FrameRow& row : thread.frames)
      if (thread.crashed && row.module == d.blame.module && row.function == d.blame.function)
        return row.origin == "sibling" || row.name_origin == "sibling";
  return false;
}

void blame(Paper& paper, const Document& d) {
  const auto& b = d.blame;
  std::string text = b.module.empty() ? "unknown" : b.module;
  if (!b.module.empty() && !b.function.empty())
    text = fmt::format("{}!{}", stem(b.module), b.function);
  if (!b.module.empty() && b.offset) text += fmt::format(" ({}+{})", b.module, hex(*b.offset));
  if (!b.why.empty()) text += " - " + b.why;
  if (!b.trust.empty()) text += " [" + b.trust + (rests_on_sibling(d) ? ", sibling]" : "]");
  if (!b.module.empty() || !b.why.empty()) paper.item("Blamed", text);
}

std::string place(const Document& d) {
  std::string text;
  auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (!d.crash.process.empty()) add("process " + d.crash.process);
  // Known by its CPU alone a thread is called "cpu N".
  if (!d.crash.thread.empty() && !(d.crash.cpu && d.crash.thread.starts_with("cpu ")))
    add("thread " + d.crash.thread);
  if (d.crash.cpu) add(fmt::format("CPU {}", *d.crash.cpu));
  if (d.crash.irql) add(fmt::format("IRQL {}", *d.crash.irql));
  return text;
}

} // namespace

void stop(Paper& paper, const Document& d) {
  paper.heading("What stopped");
  paper.paragraph(headline(d), 2, 2);
  if (d.crash.summary != d.crash.name) paper.paragraph(d.crash.summary, 2);
  parameters(paper, d);
  exception(paper, d);
  instruction(paper, d);
  blame(paper, d);
  paper.item("Where", place(d));
  if (!d.bucket.title.empty())
    paper.item("Bucket", d.bucket.title + (d.bucket.key.empty() ? "" : "  [" + d.bucket.key + "]"));
  paper.item("System", d.os.name);
  if (!d.time.crash.empty() || d.time.uptime_s)
    paper.item("Time", d.time.crash + (d.time.crash.empty() || !d.time.uptime_s ? "" : ", ") +
                           (d.time.uptime_s ? "up " + up_time(*d.time.uptime_s) : ""));
  std::string dump = d.dump.path;
  if (!d.dump.description.empty()) dump += ": " + d.dump.description;
  if (!d.dump.complete) dump += "; NOT COMPLETE, see below";
  paper.item("Dump", dump);
  if (!d.dump.accuracy.empty() && d.dump.accuracy != "real bytes")
    paper.item("Accuracy", "\"" + d.dump.accuracy +
                               "\": this kind of dump was not yet checked against real files");
}

} // namespace dumptriage::report::text
