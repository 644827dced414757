#include "report/text_parts.h"

#include <map>

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::report::text {
namespace {

constexpr std::size_t kPlace = 54;
// A stack overflow has thousands of frames that say the same.
constexpr std::size_t kHead = 40, kTail = 8;
constexpr std::size_t kGuesses = 16, kGuessesOfOthers = 0;

void frame(Paper& paper, const FrameRow& row, bool sure, int pointer_size) {
  std::string how = row.is_inline ? "inlined, " + row.trust : row.trust;
  if (!row.origin.empty() && row.origin != "dump") how += ", " + row.origin;
  if (row.name_origin == "sibling" && row.origin != "sibling") how += ", name sibling";
  if (!row.name_source.empty() && !row.name_exact) how += ", name not exact";
  std::string text = fmt::format("  {:>4}{} {}  {}  {}", row.index, sure ? ' ' : '?',
                                 hex_address(row.pc, pointer_size),
                                 padded(flat(place_of(row, pointer_size)), kPlace), how);
  paper.line(text, sure ? Ink::plain : Ink::dim);
  if (!row.file.empty() && row.line != 0)
    paper.line(fmt::format("{:{}}{}:{}", "", pointer_size == 4 ? 20 : 28, flat(row.file), row.line),
               Ink::dim);
}

void sure_part(Paper& paper, const StackRows& thread, int pointer_size) {
  std::size_t sure = std::min(thread.sure_frames, thread.frames.size());
  bool cut = sure > kHead + kTail;
  for (std::size_t i = 0; i < sure; ++i) {
    if (cut && i == kHead) {
      paper.line(fmt::format("       ... {} more sure frames; all of them are in the JSON report",
                             sure - kHead - kTail),
                 Ink::dim);
      i = sure - kTail;
    }
    frame(paper, thread.frames[i], true, pointer_size);
  }
}

void rule(Paper& paper, const std::string& text) {
  paper.paragraph("---- " + text + " ----", 2, 5, Ink::warn);
}

void stack(Paper& paper, const StackRows& thread, int pointer_size, std::size_t guesses) {
  if (thread.frames.empty())
    return paper.paragraph("No frame could be read: " +
                               (thread.ended.empty() ? "no registers were saved" : thread.ended),
                           2);
  sure_part(paper, thread, pointer_size);
  // What was settled; what shows it is in the JSON report.
  if (!thread.settled.empty())
    paper.paragraph("(" + flat(thread.settled.substr(0, thread.settled.find(':'))) + ")", 2, 3,
                    Ink::dim);
  std::size_t sure = std::min(thread.sure_frames, thread.frames.size());
  std::size_t guessed = thread.frames.size() - sure;
  if (guessed == 0) {
    std::string ended = thread.sure_ended.empty() ? thread.ended : thread.sure_ended;
    if (thread.whole)
      paper.line("  ---- end of the stack ----", Ink::dim);
    else
      rule(paper, "the stack is known up to here" + (ended.empty() ? "" : ": " + flat(ended)));
    return;
  }
  std::string ended = thread.sure_ended.empty() ? "" : ": " + flat(thread.sure_ended);
  if (guesses == 0) {
    rule(paper, fmt::format("sure part ends here{}; {} guessed frame{} not shown", ended, guessed,
                            guessed == 1 ? "" : "s"));
    return;
  }
  rule(paper, fmt::format("sure part ends here{}; below are guesses", ended));
  for (std::size_t i = sure; i < thread.frames.size(); ++i) {
    if (i - sure == guesses) {
      paper.line(fmt::format("       ... {} more guesses in the JSON report", guessed - guesses),
                 Ink::dim);
      break;
    }
    frame(paper, thread.frames[i], false, pointer_size);
  }
}

// The stack of a 32-bit process's own code, above that of the system below it.
void narrow_stack(Paper& paper, const std::string& whose, const StackRows& rows,
                  std::size_t guesses) {
  paper.heading(
      fmt::format("32-bit stack of {} (WoW64; registers: {})", whose, flat(rows.context_from)));
  stack(paper, rows, 4, guesses);
}

std::string title_of(const ThreadRow& thread) {
  // Of a kernel dump that names no thread, the registers that its writer left.
  if (thread.id == "header") return "thread, by the registers in the dump's header";
  // Threads that are known by their CPU alone are called "cpu N".
  bool by_cpu = thread.id.starts_with("cpu ");
  std::string text = by_cpu ? "CPU " + thread.id.substr(4) : "thread " + thread.id;
  if (!by_cpu && thread.cpu) text += fmt::format(" on CPU {}", *thread.cpu);
  if (!thread.name.empty()) text += " \"" + flat(thread.name) + "\"";
  if (!thread.process.empty()) text += " of " + flat(thread.process);
  if (!thread.state.empty()) text += ", " + flat(thread.state);
  if (!thread.wait.empty()) text += ", waits for " + flat(thread.wait);
  if (!thread.context_from.empty()) text += " (registers: " + flat(thread.context_from) + ")";
  return text;
}

bool shown(const ThreadRow& thread, const Document& d, const TextOptions& options) {
  if (!thread.walked || thread.crashed) return false;
  if (options.threads == TextOptions::Threads::all) return true;
  bool any_crashed = false;
  for (const ThreadRow& other : d.threads) any_crashed |= other.crashed;
  if (!any_crashed) return true;
  return options.threads == TextOptions::Threads::cpus && thread.cpu.has_value();
}

// A stack of which no more than its registers is sure fits one line.
bool one_line(const ThreadRow& thread, const TextOptions& options) {
  if (thread.wow64) return false;
  std::size_t frames = 0;
  for (std::size_t i = 0; i < std::min(thread.sure_frames, thread.frames.size()); ++i)
    frames += !thread.frames[i].is_inline;
  return options.threads != TextOptions::Threads::all && frames <= 1 && !thread.frames.empty();
}

std::string short_name_of(const ThreadRow& thread) {
  std::string text = thread.cpu ? fmt::format("CPU {}", *thread.cpu) : "thread " + thread.id;
  if (!thread.name.empty()) text += " \"" + flat(thread.name) + "\"";
  return text;
}

void in_one_line(Paper& paper, const Document& d, const TextOptions& options) {
  bool headed = false;
  for (const ThreadRow& thread : d.threads) {
    if (!shown(thread, d, options) || !one_line(thread, options)) continue;
    if (!headed) paper.heading("Known by their registers alone");
    headed = true;
    const FrameRow& top = thread.frames.front();
    std::string text =
        fmt::format("  {}  {}  {}", padded(short_name_of(thread), 16),
                    hex_address(top.pc, d.pointer_size), flat(place_of(top, d.pointer_size)));
    if (!thread.wait.empty()) text += ", waits for " + flat(thread.wait);
    paper.line(text);
  }
}

// Threads with the same stack, down to each address, are shown once: what hundreds of idle workers
// of a machine have in common.
using Group = std::vector<const ThreadRow*>;

std::string stack_key(const StackRows& thread) {
  std::string key = fmt::format("{}|{}|{}|{}|", thread.sure_frames, thread.whole, thread.ended,
                                thread.sure_ended);
  for (const FrameRow& frame : thread.frames) key += fmt::format("{:X},", frame.pc);
  return key;
}

std::vector<Group> groups_of(const Document& d, const TextOptions& options) {
  bool all = options.threads == TextOptions::Threads::all;
  std::vector<Group> groups;
  std::map<std::string, std::size_t> by_stack;
  for (const ThreadRow& thread : d.threads) {
    if (!shown(thread, d, options) || one_line(thread, options)) continue;
    // Without a frame there is nothing to have in common but the reason.
    std::size_t group = groups.size();
    if (all) {
      std::string key = stack_key(thread);
      if (thread.wow64) key += "|" + stack_key(*thread.wow64);
      group = by_stack.emplace(std::move(key), group).first->second;
    }
    if (group == groups.size()) groups.emplace_back();
    groups[group].push_back(&thread);
  }
  return groups;
}

void group_heading(Paper& paper, const Group& group) {
  if (group.size() == 1) {
    std::string title = title_of(*group.front());
    title[0] = title[0] == 't' ? 'T' : title[0];
    if (group.front()->wow64) title = "64-bit stack of " + title_of(*group.front());
    return paper.heading(title);
  }
  paper.heading(fmt::format("{} threads with the same stack", group.size()));
  std::map<std::string, std::vector<std::string>> by_state;
  std::vector<std::string> order;
  for (const ThreadRow* thread : group) {
    std::string state = thread->process.empty() ? "" : " of " + flat(thread->process);
    if (!thread->state.empty()) state += ", " + flat(thread->state);
    if (!thread->wait.empty()) state += ", waits for " + flat(thread->wait);
    auto& ids = by_state[state];
    if (ids.empty()) order.push_back(state);
    ids.push_back(thread->id);
  }
  for (const std::string& state : order) {
    std::string ids;
    for (const std::string& id : by_state[state]) ids += (ids.empty() ? "" : ", ") + id;
    paper.paragraph(ids + state, 2, 2, Ink::dim);
  }
}

} // namespace

std::string place_of(const FrameRow& frame, int pointer_size) {
  std::string offset = frame.offset && *frame.offset != 0 ? "+" + hex(*frame.offset) : "";
  if (!frame.function.empty() && !frame.module.empty())
    return fmt::format("{}!{}{}", stem(frame.module), frame.function, offset);
  if (!frame.function.empty()) return frame.function + offset;
  if (!frame.module.empty()) return frame.module + offset;
  if (frame.offset) return "module without a name" + offset;
  return frame.pc == 0 ? "address 0" : "in no known module";
}

void crashed_stack(Paper& paper, const Document& d, const TextOptions& options) {
  for (const ThreadRow& thread : d.threads) {
    if (!thread.crashed || !thread.walked) continue;
    if (thread.wow64)
      narrow_stack(paper, "the crashed thread " + thread.id, *thread.wow64, kGuesses);
    paper.heading((thread.wow64 ? "64-bit stack" : "Stack") +
                  (" of the crashed " + title_of(thread)));
    stack(paper, thread, d.pointer_size, kGuesses);
    if (!thread.settled.empty() && d.dump.arch == "ia64")
      paper.paragraph(
          "Itanium keeps a part of every frame, its return address too, on a second stack, the "
          "register backing store. RsBSP is the saved pointer into it; which end of a frame it "
          "names is not published: the dump itself has to show it (how, says the JSON report).",
          2, 2, Ink::dim);
  }
}

void other_stacks(Paper& paper, const Document& d, const TextOptions& options) {
  std::size_t hidden = 0, crashed = 0;
  for (const ThreadRow& thread : d.threads) {
    crashed += thread.crashed;
    hidden += !thread.crashed && !shown(thread, d, options);
  }
  for (const Group& group : groups_of(d, options)) {
    const ThreadRow& thread = *group.front();
    const bool all = options.threads == TextOptions::Threads::all;
    if (thread.wow64) {
      std::string whose = group.size() == 1 ? "" : fmt::format(" and {} more", group.size() - 1);
      narrow_stack(paper, "thread " + thread.id + whose, *thread.wow64,
                   all ? kGuesses : kGuessesOfOthers);
    }
    group_heading(paper, group);
    stack(paper, thread, d.pointer_size, all ? kGuesses : kGuessesOfOthers);
  }
  in_one_line(paper, d, options);
  if (hidden == 0) return;
  paper.blank();
  paper.line(fmt::format("{}{} thread{} not shown (--threads all).", hidden,
                         crashed != 0 ? " other" : "", hidden == 1 ? "" : "s"));
}

} // namespace dumptriage::report::text
