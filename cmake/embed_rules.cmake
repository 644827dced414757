# dt_rules: the room (dt_rules_core) and the rule files of signatures/, which a program of the
# build makes constant tables of.
option(DUMPTRIAGE_STRICT_RULES "A broken rule of signatures/ fails the build, else it is left out" ON)

add_executable(compile_rules ${PROJECT_SOURCE_DIR}/tools/compile_rules/main.cpp)
target_link_libraries(compile_rules PRIVATE dt_rules_core fmt::fmt)

file(GLOB_RECURSE rule_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/signatures/*.yaml)
list(FILTER rule_files EXCLUDE REGEX "\\.examples\\.yaml$")
set(compiled_rules ${CMAKE_CURRENT_BINARY_DIR}/compiled_rules.cpp)
set(rule_texts ${CMAKE_CURRENT_BINARY_DIR}/rule_texts.cpp)
if(NOT DUMPTRIAGE_STRICT_RULES)
  set(lenient --lenient)
endif()
add_custom_command(OUTPUT ${compiled_rules} ${rule_texts}
  COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 $<TARGET_FILE:compile_rules>
          ${PROJECT_SOURCE_DIR}/signatures ${compiled_rules} ${rule_texts} ${lenient}
  DEPENDS compile_rules ${rule_files} COMMENT "Compiling the built-in rules" VERBATIM)
add_library(dt_rules STATIC rules/builtin.cpp ${compiled_rules} ${rule_texts})
target_link_libraries(dt_rules PUBLIC dt_rules_core)
