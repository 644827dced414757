#include "report/json_parts.h"

#include "base/text.h"

namespace dumptriage::report {
namespace json {
namespace {

constexpr const char* kSchema = "dumptriage.report/1";

Json tool_of(const Document& d) {
  Json tool;
  tool["name"] = d.tool.name;
  tool["version"] = d.tool.version;
  tool["rules"] = {{"count", d.tool.rules_count}, {"digest", d.tool.rules_digest}};
  return tool;
}

Json dump_of(const Document& d) {
  Json dump;
  dump["path"] = d.dump.path;
  dump["size"] = d.dump.size;
  put(dump, "id", d.dump.id);
  put(dump, "id_kind", d.dump.id_kind);
  put(dump, "format", d.dump.format);
  put(dump, "kind", d.dump.kind);
  put(dump, "arch", d.dump.arch);
  if (!d.dump.format.empty()) dump["complete"] = d.dump.complete;
  put(dump, "description", d.dump.description);
  put(dump, "accuracy", d.dump.accuracy);
  return dump;
}

Json os_of(const Document& d) {
  Json os = Json::object();
  put(os, "name", d.os.name);
  put(os, "family", d.os.family);
  if (d.os.build != 0) os["build"] = d.os.build;
  put(os, "service_pack", d.os.service_pack);
  put(os, "edition", d.os.edition);
  put(os, "cpus", d.os.cpus);
  return os;
}

Json time_of(const Document& d) {
  Json time = Json::object();
  put(time, "crash", d.time.crash);
  put(time, "uptime_s", d.time.uptime_s);
  return time;
}

Json blame_of(const Document& d) {
  Json blame = Json::object();
  put(blame, "module", d.blame.module);
  put(blame, "function", d.blame.function);
  put_address(blame, "offset", d.blame.offset, d.pointer_size);
  put(blame, "why", d.blame.why);
  put(blame, "trust", d.blame.trust);
  return blame;
}

Json bucket_of(const Document& d) {
  Json bucket = Json::object();
  put(bucket, "key", d.bucket.key);
  put(bucket, "family", d.bucket.family);
  put(bucket, "title", d.bucket.title);
  return bucket;
}

Json processes_of(const Document& d) {
  Json processes = Json::array();
  for (const ProcessRow& row : d.processes) {
    Json process;
    process["id"] = row.id;
    put(process, "name", row.name);
    put(process, "session", row.session);
    processes.push_back(std::move(process));
  }
  return processes;
}

Json wanted_of(const Document& d) {
  Json wanted = Json::array();
  for (const Wanted& row : d.wanted)
    wanted.push_back({{"kind", row.kind}, {"name", row.name}, {"id", row.id}, {"why", row.why}});
  return wanted;
}

Json error_of(const Error& error, int pointer_size) {
  Json json;
  json["code"] = name_of(error.code);
  json["message"] = error.why.empty()    ? error.what
                    : error.what.empty() ? error.why
                                         : error.what + ": " + error.why;
  put_object(json, "where", where_of(error.where, pointer_size));
  return json;
}

} // namespace

Json notes_of(const Document& d) {
  Json notes = Json::array();
  for (const Note& row : d.notes) {
    Json note;
    note["severity"] = name_of(row.severity);
    note["code"] = name_of(row.code);
    note["message"] = row.message;
    put_object(note, "where", where_of(row.where, d.pointer_size));
    notes.push_back(std::move(note));
  }
  return notes;
}

std::string address(std::uint64_t value, int pointer_size) {
  // What does not fit the native width is not cut: a 32-bit dump may record 64-bit parameters.
  return hex(value, pointer_size == 4 ? 8 : 16);
}

std::string code(std::uint32_t value) { return hex(value, 8); }

Json where_of(const Where& where, int pointer_size) {
  Json json = Json::object();
  if (where.space == Space::none) return json;
  json["space"] = name_of(where.space);
  if (where.space == Space::text) {
    json["line"] = where.at;
    json["column"] = where.column;
  } else {
    json["at"] = address(where.at, pointer_size);
  }
  return json;
}

} // namespace json

std::string to_json(const Document& d, int indent) {
  using namespace json;
  Json j;
  j["schema"] = kSchema;
  j["tool"] = tool_of(d);
  j["dump"] = dump_of(d);
  j["os"] = os_of(d);
  j["time"] = time_of(d);
  j["crash"] = crash_of(d);
  j["blame"] = blame_of(d);
  j["bucket"] = bucket_of(d);
  j["cpus"] = cpus_of(d);
  j["processes"] = processes_of(d);
  j["threads"] = threads_of(d);
  j["modules"] = modules_of(d);
  j["modules_complete"] = d.modules_complete;
  j["unloaded_modules"] = unloaded_modules_of(d);
  j["waits"] = waits_of(d);
  j["irps"] = irps_of(d);
  j["pool"] = pool_of(d);
  j["network_peers"] = peers_of(d);
  j["facts"] = facts_of(d);
  j["coverage"] = coverage_of(d);
  j["wanted"] = wanted_of(d);
  j["matches"] = matches_of(d);
  put_object(j, "recommendation", recommendation_of(d));
  j["notes"] = notes_of(d);
  if (d.error) j["error"] = error_of(*d.error, d.pointer_size);
  return j.dump(indent, ' ', false, Json::error_handler_t::replace);
}

} // namespace dumptriage::report
