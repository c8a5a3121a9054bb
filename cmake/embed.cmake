# lacuna_embed(TARGET SYMBOL FILE): compiles FILE into TARGET, byte for byte. The target's sources read it through
#
#   #include "embedded/SYMBOL.hpp"
#   std::string_view text = lacuna::embedded::SYMBOL();    // lives as long as the program; a NUL follows the last byte
#
# FILE is relative to the current source folder, or absolute. A change of FILE recompiles a few lines. The assembler's
# .incbin does the work, so that a megabyte costs no compile time. Include the generated header in .cpp files only: it
# is not installed.
function(lacuna_embed target symbol file)
  get_filename_component(path ${file} ABSOLUTE)
  if(NOT EXISTS ${path})
    message(FATAL_ERROR "lacuna_embed(${target} ${symbol}): no such file: ${path}")
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/embedded_include)
  set(header ${folder}/embedded/${symbol}.hpp)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_source/${symbol}.cpp)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/embedded.hpp.in ${header} @ONLY)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/embedded.cpp.in ${source} @ONLY)
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${path})
  target_sources(${target} PRIVATE ${source})
  target_include_directories(${target} PRIVATE ${folder})
endfunction()
