#include "report/json_parts.h"

namespace dumptriage::report::json {

Json modules_of(const Document& d) {
  Json modules = Json::array();
  for (const ModuleRow& row : d.modules) {
    Json module;
    module["name"] = row.name;
    put(module, "path", row.path);
    module["base"] = address(row.base, d.pointer_size);
    module["size"] = row.size;
    if (row.timestamp != 0) module["timestamp"] = code(row.timestamp);
    if (row.checksum != 0) module["checksum"] = code(row.checksum);
    put(module, "version", row.version);
    put(module, "version_from", row.version_from);
    Json debug = Json::object();
    put(debug, "file", row.debug_file);
    put(debug, "id", row.debug_id);
    put_object(module, "debug", std::move(debug));
    put(module, "symbols", row.symbols);
    put(module, "symbols_origin", row.symbols_origin);
    put(module, "symbols_path", row.symbols_path);
    put(module, "symbols_why", row.symbols_why);
    put(module, "image", row.image);
    put(module, "image_id", row.image_id);
    put(module, "image_origin", row.image_origin);
    put(module, "image_path", row.image_path);
    put(module, "image_why", row.image_why);
    modules.push_back(std::move(module));
  }
  return modules;
}

Json unloaded_modules_of(const Document& d) {
  Json modules = Json::array();
  for (const UnloadedRow& row : d.unloaded_modules) {
    Json module;
    module["name"] = row.name;
    module["base"] = address(row.base, d.pointer_size);
    module["size"] = row.size;
    if (row.timestamp != 0) module["timestamp"] = code(row.timestamp);
    modules.push_back(std::move(module));
  }
  return modules;
}

} // namespace dumptriage::report::json
