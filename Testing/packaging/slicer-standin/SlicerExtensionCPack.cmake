file(WRITE ${CMAKE_BINARY_DIR}/recorded/cpack.txt "${EXTENSION_NAME}\n")
