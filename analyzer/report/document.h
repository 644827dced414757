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

// A row of a stack.  Calls that the compiler inlined have rows of their own, innermost first, above
// the row of the frame that they ran in, and share its pc, sp and proof.
struct FrameRow {
  std::size_t index = 0; // of the row
  // Of the frame, where that differs; ids of facts count so: "frame:<thread>:<frame>".
  std::optional<std::size_t> frame;
  bool is_inline = false;
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

struct StackRows {
  bool whole = false;          // the sure part reaches the known end of the stack
  std::size_t sure_frames = 0; // rows
  std::vector<FrameRow> frames;
  std::string ended, sure_ended, context_from;
  std::string settled; // what the registers left open and the dump's bytes answered
};

struct ThreadRow : StackRows {
  std::string id, name, process, state, wait;
  std::optional<std::uint64_t> object, start_address, wait_s, process_id; // kernel dumps
  std::optional<std::uint32_t> priority;
  std::string start;                     // "ntoskrnl.exe+0x1234" of start_address
  std::vector<std::string> wait_objects; // ids of `waits` nodes
  std::optional<std::uint32_t> cpu;
  bool crashed = false;
  bool walked = false; // false: its stack was not asked for, `frames` says nothing
  // The stack of a 32-bit process's own code, in a dump of x64; `frames` are then those of the
  // system below it.
  std::optional<StackRows> wow64;
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

// The wait graph: threads and locks, by index in `nodes`.
struct WaitNodeRow {
  std::string id, kind, label, state;
  std::optional<std::uint64_t> address;
  bool lock = false; // something that can be held
};
struct WaitEdgeRow {
  std::size_t from = 0, to = 0;
  bool held_by = false; // else waits_for
  std::string mode, reason, trust, why;
  bool alternative = false, timeout = false;
  std::uint32_t count = 0; // how often it is held; 0 unknown
};
struct WaitCycleRow {
  std::vector<std::size_t> nodes; // in waiting order; the last is held by the first
  std::string trust;
  bool timeout = false;
};
struct WaitRows {
  std::vector<WaitNodeRow> nodes;
  std::vector<WaitEdgeRow> edges;
  std::vector<WaitCycleRow> cycles;
};

struct IrpLocationRow {
  unsigned number = 0;
  bool current = false;
  std::string major, minor, driver; // "IRP_MJ_READ", "", "\Driver\netbt"
  std::uint32_t major_number = 0, minor_number = 0, control = 0;
  std::uint64_t device = 0, file_object = 0, completion = 0, context = 0; // 0 = none
  std::string completion_at;                                              // "netbt.sys+0x1234"
};
struct IrpRow {
  std::uint64_t address = 0, thread = 0, cancel_routine = 0;
  std::string from, thread_id, cancel_at, trust;
  std::uint32_t stack_count = 0, current_location = 0, status = 0;
  bool completed = false, pending = false, cancelled = false;
  bool of_stop = false; // the bugcheck names it
  std::vector<IrpLocationRow> locations;
};

struct PoolBlockRow {
  std::uint64_t address = 0;
  std::uint32_t size = 0, type = 0;
  std::string tag, state, pool;
  bool asked = false;
};
struct PoolRow {
  std::uint64_t asked = 0, page = 0;
  std::string from, form, diagnosis, damage, fill, undecided, trust;
  std::optional<std::uint64_t> inconsistent_at;
  std::vector<PoolBlockRow> blocks;
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
    std::string file, arch, branch, version, built, fixed_in;
    std::uint64_t bytes = 0;
  };
  struct {
    bool hotfix = false, unpublished = false;
    std::vector<std::string> service_packs, replaces, superseded_by, needs, caveats;
    std::optional<bool> restart;
    std::string vendor;
    std::vector<File> files;
  } fix;
  std::vector<std::string> advice;
  std::string workaround, note;
  unsigned strength = 0;
  std::size_t rank = 0;
  std::vector<std::string> tied_with;
  FindingRow explanation;
  std::vector<std::string> evidence_missing;
};

struct PeerRow {
  std::string address, mac, protocol, found, certainty, why; // "10.0.0.1", "00:0C:29:01:02:03"
  std::uint16_t port = 0;                                    // 0 unknown
  std::uint64_t at = 0;
  std::size_t hits = 0;
};
// The fix to get; `kb` "" = none.
struct RecommendationRow {
  std::string kb;
  std::vector<std::string> cures, lines;
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
  WaitRows waits;
  std::vector<IrpRow> irps;
  std::vector<PoolRow> pool;
  std::vector<evidence::Fact> facts;
  std::vector<evidence::Coverage> coverage;
  std::vector<Wanted> wanted;
  std::vector<PeerRow> network_peers;
  std::vector<MatchRow> matches;
  RecommendationRow recommendation;
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
  bool locks = false, irps = false; // all of them, not only those that matter
};

std::string to_json(const Document& document,
                    int indent = 2); // indent -1: one line, no newline at its end
std::string to_text(const Document& document, const TextOptions& options);
std::string to_html(const Document& document); // one page of its own
// What `symbols DUMP` shows: every module, wanted ids, what was found where, what did not match.
std::string symbols_table(const Document& document, bool colour);
std::string symbols_json(const Document& document);
// `whole`: no cell is cut, for files and pipes, where somebody searches.
std::string share_table(const ShareDocument& share, bool colour, bool whole);
std::string share_summary(const ShareDocument& share, bool colour, bool whole);

} // namespace dumptriage::report
