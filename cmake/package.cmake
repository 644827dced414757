include(GNUInstallDirs)
install(TARGETS dumptriage RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
set(CPACK_GENERATOR DEB)
include(CPack)
