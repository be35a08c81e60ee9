# The extension has no compiled code, and a computer that runs its tests need not have a compiler.
foreach(_language C CXX)
  set(CMAKE_${_language}_COMPILER ${CMAKE_COMMAND})
  set(CMAKE_${_language}_COMPILER_ID_RUN TRUE)
  set(CMAKE_${_language}_COMPILER_FORCED TRUE)
endforeach()
set(CMAKE_AR ${CMAKE_COMMAND})
