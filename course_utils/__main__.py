"""`python -m course_utils generate | train | doctor | onnx`: see `course_utils.cli.main`."""

from course_utils.cli.main import main

if __name__ == "__main__":
    main()
