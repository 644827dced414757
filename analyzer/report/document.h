// report: a Document (one dump) and a ShareDocument (a scanned share) are the only inputs of the
// renderers.  All text in them is safe UTF-8 already.  The JSON contract is
// docs/report.schema.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "evidence/facts.h"

namespace dumptriage::report {

struct Parameter {
  std::uint64_t value = 0;
  std::string meaning;
};

struct FrameRow {
  std::size_t index = 0;
  std::uint64_t pc = 0, sp = 0;
  std::string module, function, file;
  std::optional<std::uint64_t>
      offset; // in the function, or rva in the module when there is no name
  std::uint32_t line = 0;
  std::string trust, name_source; // name_source "" = no name
  bool name_exact = false;        // the symbol file's id matches the image's
  std::string origin;             // "dump", "image", "sibling": where unwind bytes came from
  std::string name_origin;        // the same of the name's symbols; "" = no name
};

struct ThreadRow {
  std::string id, name, process, state, wait;
  std::optional<std::uint32_t> cpu;
  bool crashed = false;
  bool walked = false; // false: its stack was not asked for, `frames` says nothing
  bool whole = false;  // the sure part reaches the known end of the stack
  std::size_t sure_frames = 0;
  std::vector<FrameRow> frames;
  std::string ended, sure_ended, context_from;
};

struct CpuRow {
  std::uint32_t number = 0;
  std::uint64_t current_thread = 0;
  std::optional<std::uint32_t> irql;
  std::string context_from;
  std::optional<std::uint64_t> pc;
  bool crashed = false;
};
struct ProcessRow {
  std::uint64_t id = 0;
  std::string name;
  std::optional<std::uint32_t> session;
};
struct ModuleRow {
  std::string name, path;
  std::uint64_t base = 0, size = 0;
  std::uint32_t timestamp = 0, checksum = 0;
  std::string version, version_from; // "dump", "image"
  std::string debug_file, debug_id;
  std::string symbols; // "", "pdb", "breakpad", "exports", "mismatched", "not found", "unreadable"
  std::string image;   // "", "file", "memory", "mismatched", "not found", "unreadable"
  // What was looked for and what was found: the image's symbol-store key, file or reason why not.
  std::string image_id, image_path, image_why, symbols_path, symbols_why;
  std::string image_origin, symbols_origin; // of a file that was found: "image" or "sibling"
  bool matters = false; // on a stack, blamed, or named by a rule: printed in the text report
};
struct UnloadedRow {
  std::string name;
  std::uint64_t base = 0, size = 0;
  std::uint32_t timestamp = 0;
};
struct Wanted {
  std::string kind /*image|pdb|sym*/, name, id, why;
};

struct FindingRow {
  std::string answer;
  bool weak = false;
  std::string condition, because;
  std::vector<std::string> facts;
  std::vector<FindingRow> children;
};
struct MatchRow {
  std::string rule, kb, title, about, verdict, fix_state;
  struct File {
    std::string file, arch, branch, version, built;
    std::uint64_t bytes = 0;
  };
  struct {
    bool hotfix = false, unpublished = false;
    std::vector<std::string> service_packs, replaces, caveats;
    std::vector<File> files;
  } fix;
  std::vector<std::string> advice;
  std::string workaround, note;
  FindingRow explanation;
  std::vector<std::string> evidence_missing;
};

struct Document {
  struct {
    std::string name = "dumptriage", version;
    std::size_t rules_count = 0;
    std::string rules_digest;
  } tool;
  struct {
    std::string path;
    std::uint64_t size = 0;
    std::string id, id_kind, format, kind, arch, description, accuracy;
    bool complete = true;
  } dump;
  int pointer_size = 8;
  struct {
    std::string name, family, service_pack, edition;
    std::uint32_t build = 0;
    std::optional<std::uint32_t> cpus;
  } os;
  struct {
    std::string crash;
    std::optional<std::uint64_t> uptime_s;
  } time;
  struct {
    std::string kind = "none"; // bugcheck|exception|hang|none
    std::uint32_t code = 0;
    std::string name, summary;
    std::vector<Parameter> parameters;
    struct {
      bool present = false;
      std::uint32_t code = 0;
      std::string name, from;
      std::uint64_t address = 0;
      std::vector<std::uint64_t> parameters;
    } exception;                              // behind a bugcheck
    std::optional<std::uint64_t> ip, address; // faulting instruction; address touched
    std::string access, address_class, instruction, explanation, context_from;
    std::optional<std::uint32_t> cpu, irql;
    std::string process, thread;
  } crash;
  struct {
    std::string module, function, why, trust;
    std::optional<std::uint64_t> offset;
  } blame;
  struct {
    std::string key, family, title;
  } bucket;
  std::vector<CpuRow> cpus;
  std::vector<ProcessRow> processes;
  std::vector<ThreadRow> threads;
  std::vector<ModuleRow> modules;
  bool modules_complete = false;
  std::vector<UnloadedRow> unloaded_modules;
  std::vector<evidence::Fact> facts;
  std::vector<evidence::Coverage> coverage;
  std::vector<Wanted> wanted;
  std::vector<MatchRow> matches;
  Notes notes;
  std::optional<Error> error; // the dump could not be analysed; everything else may be empty
};

// One line of a scanned share.
struct ShareRow {
  std::string path, kind, os, stop, blame, bucket_key, bucket_title, verdict, kb;
  std::string crash_time;
  bool failed = false;
  std::string error;
};
struct BucketRow {
  std::string key, title, kb, verdict;
  std::uint64_t count = 0;
  std::string first_path;
};
struct KbRow {
  std::string kb, title, verdict;
  std::uint64_t count = 0;
};
struct ShareDocument {
  std::vector<ShareRow> rows;
  std::vector<BucketRow> buckets; // most frequent first
  std::vector<KbRow> kbs;         // confirmed and likely only, most frequent first
  std::uint64_t analysed = 0, failed = 0, other_files = 0;
};

struct TextOptions {
  bool colour = false;
  enum class Threads { crashed, cpus, all } threads = Threads::cpus;
  bool all_modules = false;
};

std::string to_json(const Document& document,
                    int indent = 2); // indent -1: one line, no newline at its end
std::string to_text(const Document& document, const TextOptions& options);
// What `symbols DUMP` shows: every module, wanted ids, what was found where, what did not match.
std::string symbols_table(const Document& document, bool colour);
std::string symbols_json(const Document& document);
// `whole`: no cell is cut, for files and pipes, where somebody searches.
std::string share_table(const ShareDocument& share, bool colour, bool whole);
std::string share_summary(const ShareDocument& share, bool colour, bool whole);

} // namespace dumptriage::report
