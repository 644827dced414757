#include "report/json_parts.h"

namespace dumptriage::report::json {
namespace {

Json parameters_of(const Document& d) {
  Json parameters = Json::array();
  for (const Parameter& row : d.crash.parameters) {
    Json parameter;
    parameter["value"] = address(row.value, d.pointer_size);
    put(parameter, "meaning", row.meaning);
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

// The exception record behind a bugcheck.
Json exception_of(const Document& d) {
  const auto& e = d.crash.exception;
  Json exception;
  exception["code"] = code(e.code);
  put(exception, "name", e.name);
  exception["address"] = address(e.address, d.pointer_size);
  Json parameters = Json::array();
  for (std::uint64_t value : e.parameters) parameters.push_back(address(value, d.pointer_size));
  exception["parameters"] = std::move(parameters);
  put(exception, "from", e.from);
  return exception;
}

} // namespace

Json crash_of(const Document& d) {
  const auto& c = d.crash;
  Json crash;
  crash["kind"] = c.kind;
  if (c.kind == "bugcheck" || c.kind == "exception") crash["code"] = code(c.code);
  put(crash, "name", c.name);
  put(crash, "summary", c.summary);
  crash["parameters"] = parameters_of(d);
  if (c.exception.present) crash["exception"] = exception_of(d);
  put_address(crash, "ip", c.ip, d.pointer_size);
  put(crash, "instruction", c.instruction);
  put_address(crash, "address", c.address, d.pointer_size);
  put(crash, "access", c.access);
  put(crash, "address_class", c.address_class);
  put(crash, "explanation", c.explanation);
  put(crash, "context_from", c.context_from);
  put(crash, "cpu", c.cpu);
  put(crash, "process", c.process);
  put(crash, "thread", c.thread);
  put(crash, "irql", c.irql);
  return crash;
}

Json cpus_of(const Document& d) {
  Json cpus = Json::array();
  for (const CpuRow& row : d.cpus) {
    Json cpu;
    cpu["number"] = row.number;
    if (row.current_thread != 0)
      cpu["current_thread"] = address(row.current_thread, d.pointer_size);
    put(cpu, "irql", row.irql);
    put(cpu, "context_from", row.context_from);
    put_address(cpu, "pc", row.pc, d.pointer_size);
    cpu["crashed"] = row.crashed;
    cpus.push_back(std::move(cpu));
  }
  return cpus;
}

} // namespace dumptriage::report::json
