#include "pipeline/analyze.h"

#include <algorithm>
#include <filesystem>
#include <new>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/unpack.h"
#include "pipeline/judge.h"
#include "pipeline/objects.h"
#include "pipeline/parts.h"

namespace dumptriage::pipeline {
namespace {

// The folder a dump lies in, as a root that proves nothing.
symbols::SearchRoot folder_of(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  return {folder.empty() ? "." : folder, memory::Origin::sibling};
}

void add_notes(Notes& to, const Notes& from) {
  for (const Note& note : from) {
    bool known = std::any_of(to.begin(), to.end(), [&](const Note& old) {
      return old.message == note.message && old.where == note.where;
    });
    if (!known) to.push_back(note);
  }
}

// A dump that gave nothing but its own description is one that could not be analysed.
void judge_usefulness(report::Document& document) {
  const Note* worst = nullptr;
  for (const Note& note : document.notes)
    if (note.severity != Severity::info && (!worst || note.severity > worst->severity))
      worst = &note;
  bool stack = std::any_of(
      document.threads.begin(), document.threads.end(), [](const report::ThreadRow& row) {
        return std::count_if(row.frames.begin(), row.frames.end(),
                             [](const report::FrameRow& frame) { return !frame.is_inline; }) > 1;
      });
  bool lists = stack || !document.modules.empty();
  bool anything = lists || !document.threads.empty() || document.crash.kind != "none" ||
                  document.os.build != 0 || !document.os.family.empty();
  bool refused = worst && worst->severity == Severity::error;
  if (anything && (lists || !refused)) return;
  if (worst)
    document.error = Error{worst->code, document.dump.description, worst->message, worst->where};
  else
    document.error = Error{Code::bad_value,
                           document.dump.description,
                           "no thread, module, exception or system information in it",
                           {}};
}

// Nothing knows the kernel's structures better than its exact PDB, which a first look finds.
system::Snapshot snapshot_of(const dump::Dump& dump, symbols::Store* store) {
  system::Snapshot first = system::take_snapshot(dump);
  auto kernel = first.kernel ? kernel_module(first.modules) : std::nullopt;
  if (!kernel) return first;
  symbols::ModuleSet modules(first.modules, first.memory, first.machine, store);
  auto types = modules.types_of(*kernel);
  if (!types || !types->size("_KTHREAD") || !types->size("_EPROCESS")) return first;
  return system::take_snapshot(dump, std::move(types));
}

} // namespace

void name_tool(report::Document& document, const rules::Catalogue& catalogue) {
  document.tool.version = DUMPTRIAGE_VERSION;
  document.tool.rules_count = catalogue.size();
  document.tool.rules_digest = catalogue.digest;
}

// A rule file that was left out could have been the answer.
void note_rule_errors(report::Document& document, const rules::Catalogue& catalogue) {
  for (const Error& error : catalogue.errors) {
    std::string message = "rule file left out: " + error.what;
    if (!error.why.empty()) message += ": " + error.why;
    document.notes.push_back({Severity::warning, error.code, message, error.where});
  }
}

std::string image_key(const dump::Module& module) {
  return fmt::format("{:08X}{:X}", module.timestamp, module.size);
}

Analyzer::Analyzer(rules::Catalogue catalogue, std::vector<symbols::SearchRoot> roots)
    : catalogue_(std::move(catalogue)), roots_(std::move(roots)),
      open_(std::make_shared<symbols::OpenFiles>()),
      store_(std::make_unique<symbols::Store>(roots_, open_)) {}

Analyzer::~Analyzer() = default;

report::Document Analyzer::failed(const std::string& path, Error error) const {
  report::Document document;
  name_tool(document, catalogue_);
  document.dump.path = path;
  document.error = std::move(error);
  note_rule_errors(document, catalogue_);
  return document;
}

report::Document Analyzer::analyze(const std::string& path, const Options& options) {
  report::Document first;
  analyze_each(path, options, [&first](report::Document document) {
    first = std::move(document);
    return false;
  });
  return first;
}

void Analyzer::analyze_each(const std::string& path, const Options& options,
                            const TakeDocument& take) {
  std::string shown = utf8_from_ansi(path);
  auto file = MappedFile::open(path);
  if (!file) {
    Error error = std::move(file.error());
    error.what = shown;
    take(failed(shown, std::move(error)));
    return;
  }
  std::string description = dump::identify((*file)->bytes()).description;
  std::uint64_t size = (*file)->bytes().size();
  auto nothing = analyze_each(std::move(*file), options, take);
  if (!nothing) return;
  report::Document document = failed(shown, std::move(*nothing));
  document.dump.size = size;
  document.dump.description = std::move(description);
  take(std::move(document));
}

std::optional<Error> Analyzer::analyze_each(std::shared_ptr<const MappedFile> file,
                                            const Options& options, const TakeDocument& take) {
  dump::UnpackOptions unpack;
  unpack.progress = options.unpacking;
  std::string path = utf8_from_ansi(file->path());
  try {
    return dump::each_dump(std::move(file), unpack, [&](auto unpacked) {
      if (unpacked) return take(analyze(std::move(*unpacked), options));
      std::string what = unpacked.error().what;
      return take(failed(what, std::move(unpacked.error())));
    });
  } catch (const std::bad_alloc&) {
    return Error{Code::limit, path, "out of memory", {}};
  }
}

// What a library threw ends here: one dump must not cost the others of a scan.
report::Document Analyzer::analyze(std::shared_ptr<const MappedFile> file, const Options& options) {
  std::string path = utf8_from_ansi(file->path());
  std::uint64_t size = file->bytes().size();
  report::Document document;
  Error error{Code::limit, path, "", {}};
  try {
    run(document, std::move(file), options);
    return document;
  } catch (const std::bad_alloc&) {
    error.why = "out of memory";
  } catch (const std::exception& thrown) {
    error.why = std::string("internal error: ") + thrown.what();
  }
  document = {};
  name_tool(document, catalogue_);
  document.dump.path = path;
  document.dump.size = size;
  document.error = error;
  return document;
}

void Analyzer::run(report::Document& document, std::shared_ptr<const MappedFile> file,
                   const Options& options) {
  name_tool(document, catalogue_);
  document.dump.path = utf8_from_ansi(file->path());
  document.dump.size = file->bytes().size();

  auto dump = dump::open(file);
  if (!dump) {
    document.dump.description = dump::identify(file->bytes()).description;
    document.error = dump.error();
    note_rule_errors(document, catalogue_);
    return;
  }
  describe_dump(document, *dump, options.hash_full);

  // Files beside this dump are this dump's only: another one must never find them.
  std::unique_ptr<symbols::Store> own;
  symbols::Store* store = store_.get();
  if (options.trust_siblings && !file->path().empty()) {
    own = std::make_unique<symbols::Store>(roots_, open_);
    own->add_root(folder_of(file->file_path()));
    store = own.get();
  }
  system::Snapshot snapshot = snapshot_of(*dump, store);
  read_waits(*dump, snapshot, options);
  read_accounts(*dump, snapshot);
  read_irps(*dump, snapshot);
  read_pools(*dump, snapshot, options);
  symbols::ModuleSet modules(snapshot.modules, snapshot.memory, snapshot.machine, store);
  Notes notes;
  prove_service_pack(snapshot, modules, notes);
  Walks walks = walk_threads(snapshot, modules, options.threads);
  walk_wow64(walks, snapshot, modules, store);
  read_peers(*dump, snapshot, walks, options);
  if (options.search_all_modules) modules.search_all();

  evidence::Input input{snapshot, walks.stacks, modules};
  read_touched(*dump, snapshot, input);
  Analysis analysis{*dump, snapshot, walks, modules, input};
  evidence::FactSet facts = evidence::extract(input);
  describe_machine(document, analysis);
  describe_crash(document, analysis);
  list_threads(document, analysis);
  list_waits(document, analysis);
  list_irps(document, analysis);
  list_pools(document, analysis);
  list_peers(document, analysis);
  if (options.judge) judge_into(document, catalogue_, facts, options.all_rules);
  document.facts = std::move(facts.facts);
  document.coverage = std::move(facts.coverage);
  list_modules(document, analysis);
  list_wanted(document, analysis);
  add_notes(document.notes, dump->notes);
  add_notes(document.notes, snapshot.notes);
  add_notes(document.notes, notes);
  judge_usefulness(document);
  note_rule_errors(document, catalogue_);
}

} // namespace dumptriage::pipeline
