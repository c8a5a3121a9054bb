# cmake --install: headers, libraries, the CMake package, the program with its completions and manual page.
include(CMakePackageConfigHelpers)
install(EXPORT lacunaTargets NAMESPACE lacuna:: DESTINATION lib/cmake/lacuna)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lacunaConfig.cmake.in
  ${PROJECT_BINARY_DIR}/lacunaConfig.cmake INSTALL_DESTINATION lib/cmake/lacuna)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lacunaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lacunaConfig.cmake ${PROJECT_BINARY_DIR}/lacunaConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindDuckDB.cmake ${PROJECT_SOURCE_DIR}/cmake/FindoneDNN.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindOpenBLAS_OpenMP.cmake DESTINATION lib/cmake/lacuna)
