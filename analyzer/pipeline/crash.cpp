#include "pipeline/parts.h"

#include "formats/ntstatus.h"

namespace dumptriage::pipeline {
namespace {

std::string_view name_of(system::StopKind kind) {
  switch (kind) {
  case system::StopKind::bugcheck: return "bugcheck";
  case system::StopKind::exception: return "exception";
  case system::StopKind::hang: return "hang";
  case system::StopKind::none: return "none";
  }
  return "none";
}

bool windows(const system::Os& os) { return os.family != "linux" && os.family != "macos"; }

void describe_exception(report::Document& document, const Analysis& analysis) {
  const system::Stop& stop = analysis.snapshot.stop;
  if (!stop.exception) return;
  auto& e = document.crash.exception;
  e.present = true;
  e.code = stop.exception->code;
  e.address = stop.exception->address;
  e.parameters = stop.exception->parameters;
  e.from = stop.exception_from;
  // Signals and Mach exceptions share numbers with NTSTATUS values, not meanings.
  const formats::StatusInfo* status =
      windows(analysis.snapshot.os) ? formats::find_ntstatus(e.code) : nullptr;
  if (status)
    e.name = status->name;
  else if (stop.kind == system::StopKind::exception)
    e.name = document.crash.name;
}

void describe_place(report::Document& document, const Analysis& analysis) {
  auto& crash = document.crash;
  for (const system::ThreadState& thread : analysis.snapshot.threads) {
    if (!thread.crashed) continue;
    crash.thread = thread.id;
    crash.process = thread.process;
    crash.cpu = thread.cpu;
    break;
  }
  if (crash.process.empty() && analysis.snapshot.processes.size() == 1)
    crash.process = analysis.snapshot.processes.front().name;
  for (const system::Cpu& cpu : analysis.snapshot.cpus) {
    if (!cpu.crashed) continue;
    if (!crash.cpu) crash.cpu = cpu.number;
    crash.irql = cpu.irql;
    break;
  }
}

void describe_fault(report::Document& document, const Analysis& analysis) {
  auto& crash = document.crash;
  const system::Stop& stop = analysis.snapshot.stop;
  if (auto fault = evidence::describe_fault(analysis.input)) {
    crash.ip = fault->ip;
    crash.address = fault->address;
    crash.access = fault->access;
    crash.address_class = fault->address_class;
    crash.instruction = fault->instruction;
    crash.explanation = fault->explanation;
  } else if (stop.exception && windows(analysis.snapshot.os)) {
    crash.ip = stop.exception->address;
  }
  crash.context_from = stop.fault_context_from;
}

} // namespace

void describe_crash(report::Document& document, const Analysis& analysis) {
  evidence::StopText text = evidence::describe_stop(analysis.input);
  auto& crash = document.crash;
  crash.kind = name_of(analysis.snapshot.stop.kind);
  crash.code = analysis.snapshot.stop.code;
  crash.name = text.name;
  crash.summary = text.summary;
  for (const evidence::ParameterMeaning& row : text.parameters)
    crash.parameters.push_back({row.value, row.meaning});
  describe_exception(document, analysis);
  describe_place(document, analysis);
  describe_fault(document, analysis);

  evidence::Blame blame = evidence::find_blame(analysis.input);
  document.blame.module = blame.module;
  document.blame.function = blame.function;
  document.blame.why = blame.why;
  document.blame.trust = blame.trust;
  document.blame.offset = blame.offset;
  evidence::Bucket bucket = evidence::make_bucket(analysis.input, text, blame);
  document.bucket.key = bucket.key;
  document.bucket.family = bucket.family;
  document.bucket.title = bucket.title;
}

} // namespace dumptriage::pipeline
