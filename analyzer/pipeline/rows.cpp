#include "pipeline/objects.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace dumptriage::pipeline {
namespace {

report::FrameRow frame_row(const stack::Frame& frame, const Analysis& analysis) {
  report::FrameRow row;
  row.pc = frame.pc;
  row.sp = frame.sp;
  row.trust = arch::name_of(frame.trust);
  row.origin = name_of(frame.origin);
  if (frame.module && *frame.module < analysis.snapshot.modules.size()) {
    const dump::Module& module = analysis.snapshot.modules[*frame.module];
    row.module = module.name();
    row.offset = frame.pc - module.base;
  }
  // A name too far away to be this function's is no name.
  if (frame.symbol && !frame.symbol->symbol.far) {
    const symbols::Symbol& symbol = frame.symbol->symbol;
    row.function = symbol.function;
    row.offset = symbol.offset;
    row.file = symbol.file;
    row.line = symbol.line;
    row.name_source = symbols::name_of(symbol.source);
    row.name_exact = frame.symbol->exact;
    row.name_origin = name_of(frame.symbol->origin);
  }
  return row;
}

// The calls inlined where the frame stands, then the frame.
void add_frame(report::StackRows& stack, const stack::Frame& frame, std::size_t index,
               const Analysis& analysis) {
  report::FrameRow row = frame_row(frame, analysis);
  auto add = [&](report::FrameRow added) {
    added.index = stack.frames.size();
    if (added.index != index) added.frame = index;
    stack.frames.push_back(std::move(added));
  };
  if (!row.name_source.empty())
    for (const symbols::InlineCall& call : frame.symbol->inlines) {
      report::FrameRow inlined = row;
      inlined.is_inline = true;
      inlined.function = call.function;
      inlined.file = call.file;
      inlined.line = call.line;
      inlined.offset.reset(); // it has no start
      add(std::move(inlined));
    }
  add(std::move(row));
}

void describe_stack(report::StackRows& rows, const stack::Stack& stack, const Analysis& analysis) {
  rows.whole = stack.whole;
  rows.ended = stack.ended;
  rows.sure_ended = stack.sure_ended;
  rows.settled = stack.settled;
  for (std::size_t f = 0; f < stack.frames.size(); ++f) {
    add_frame(rows, stack.frames[f], f, analysis);
    if (f < stack.sure_frames) rows.sure_frames = rows.frames.size();
  }
}

void describe_kernel_thread(report::ThreadRow& row, const system::ThreadState& thread,
                            symbols::ModuleSet& modules) {
  if (thread.object != 0) row.object = thread.object;
  row.process_id = thread.process_id;
  row.priority = thread.priority;
  row.wait_s = thread.wait_seconds;
  if (thread.start_address == 0) return;
  row.start_address = thread.start_address;
  row.start = place_in_module(modules, thread.start_address);
}

std::string_view name_of(symbols::SearchResult result) {
  switch (result) {
  case symbols::SearchResult::found: return "found";
  case symbols::SearchResult::mismatched: return "mismatched";
  case symbols::SearchResult::not_found: return "not found";
  case symbols::SearchResult::unreadable: return "unreadable";
  }
  return "not found";
}

void describe_image(report::ModuleRow& row, const symbols::ModuleSet::Status& status) {
  if (!status.asked) return;
  bool found = status.image.result == symbols::SearchResult::found;
  row.image = found                    ? "file"
              : status.image_in_memory ? "memory"
                                       : std::string(name_of(status.image.result));
  row.image_path = utf8_from_ansi(status.image.path);
  row.image_why = status.image.why;
  if (found && status.image.image) row.image_origin = name_of(status.image.image->origin());
  if (found && status.image.image && row.version.empty())
    if (const auto& version = status.image.image->version()) {
      row.version = version->to_string();
      row.version_from = "image";
    }
}

void describe_symbols(report::ModuleRow& row, const symbols::ModuleSet::Status& status) {
  if (!status.asked) return;
  row.symbols = name_of(status.symbols.result);
  if (status.symbols.result == symbols::SearchResult::found) {
    row.symbols = status.symbols.kind;
    row.symbols_origin = name_of(status.symbols.origin);
  }
  row.symbols_path = utf8_from_ansi(status.symbols.path);
  row.symbols_why = status.symbols.why;
}

// Modules that the sure part of a walked stack passes through, that are blamed, or that a rule
// which was not ruled out speaks about.
std::set<std::size_t> modules_that_matter(const report::Document& document,
                                          const Analysis& analysis) {
  std::set<std::size_t> matter;
  for (const auto* stacks : {&analysis.walks.stacks, &analysis.walks.wow64})
    for (const stack::Stack& stack : *stacks)
      for (std::size_t i = 0; i < stack.frames.size(); ++i)
        if ((i < stack.sure_frames || i == 0) && stack.frames[i].module)
          matter.insert(*stack.frames[i].module);
  std::set<std::string> names;
  names.insert(lower(document.blame.module));
  for (const report::MatchRow& match : document.matches)
    if (match.verdict == "confirmed" || match.verdict == "likely" || match.verdict == "possible")
      for (const report::MatchRow::File& file : match.fix.files) names.insert(lower(file.file));
  for (std::size_t i = 0; i < analysis.snapshot.modules.size(); ++i)
    if (names.contains(lower(analysis.snapshot.modules[i].name()))) matter.insert(i);
  return matter;
}

} // namespace

void list_threads(report::Document& document, const Analysis& analysis) {
  for (std::size_t i = 0; i < analysis.snapshot.threads.size(); ++i) {
    const system::ThreadState& thread = analysis.snapshot.threads[i];
    const stack::Stack& narrow = analysis.walks.wow64[i];
    report::ThreadRow row;
    row.id = thread.id;
    row.name = thread.name;
    row.process = thread.process;
    row.state = thread.state;
    row.wait = thread.wait;
    row.cpu = thread.cpu;
    row.crashed = thread.crashed;
    describe_kernel_thread(row, thread, analysis.modules);
    row.walked = analysis.walks.walked[i];
    row.context_from =
        analysis.walks.walked[i] ? analysis.walks.context_from[i] : thread.context_from;
    describe_stack(row, analysis.walks.stacks[i], analysis);
    if (thread.wow64 && !narrow.frames.empty()) {
      row.wow64.emplace().context_from = thread.wow64->context_from;
      describe_stack(*row.wow64, narrow, analysis);
    }
    document.threads.push_back(std::move(row));
  }
}

void list_modules(report::Document& document, const Analysis& analysis) {
  std::set<std::size_t> matter = modules_that_matter(document, analysis);
  for (std::size_t i = 0; i < analysis.snapshot.modules.size(); ++i) {
    const dump::Module& module = analysis.snapshot.modules[i];
    report::ModuleRow row;
    row.name = module.name();
    row.path = module.path == row.name ? "" : module.path;
    row.base = module.base;
    row.size = module.size;
    row.timestamp = module.timestamp;
    row.checksum = module.checksum;
    if (module.version) {
      row.version = module.version->to_string();
      row.version_from = "dump";
    }
    row.debug_file = module.debug.file;
    row.debug_id = module.debug.key();
    if (module.timestamp != 0) row.image_id = image_key(module);
    describe_image(row, analysis.modules.status(i));
    describe_symbols(row, analysis.modules.status(i));
    row.matters = matter.contains(i);
    document.modules.push_back(std::move(row));
  }
  document.modules_complete = analysis.snapshot.modules_complete;
  for (const dump::UnloadedModule& module : analysis.snapshot.unloaded_modules)
    document.unloaded_modules.push_back({module.name, module.base, module.size, module.timestamp});
}

} // namespace dumptriage::pipeline
