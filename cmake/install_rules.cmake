# cmake --install: headers, libraries, the CMake package, the program with its completions and manual page.
include(CMakePackageConfigHelpers)
install(EXPORT lacunaTargets NAMESPACE lacuna:: DESTINATION lib/cmake/lacuna)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lacunaConfig.cmake.in
  ${PROJECT_BINARY_DIR}/lacunaConfig.cmake INSTALL_DESTINATION lib/cmake/lacuna)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lacunaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lacunaConfig.cmake ${PROJECT_BINARY_DIR}/lacunaConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindDuckDB.cmake ${PROJECT_SOURCE_DIR}/cmake/FindoneDNN.cmake
  DESTINATION lib/cmake/lacuna)

# A DuckDB that set-up fetched goes along, with its header, where FindDuckDB.cmake finds it again.
if(DuckDB_LIBRARY MATCHES "^${PROJECT_SOURCE_DIR}/")
  install(FILES ${DuckDB_LIBRARY} DESTINATION lib)
  install(FILES ${DuckDB_INCLUDE_DIR}/duckdb.h DESTINATION include)
endif()

set(generated ${PROJECT_BINARY_DIR}/generated)  # completions and the manual page, by apps/cli
install(FILES ${generated}/lacuna.bash DESTINATION share/bash-completion/completions RENAME lacuna)
install(FILES ${generated}/_lacuna DESTINATION share/zsh/site-functions)
install(FILES ${generated}/lacuna.fish DESTINATION share/fish/vendor_completions.d)
install(FILES ${generated}/lacuna.1 DESTINATION share/man/man1)
