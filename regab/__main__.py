from regab.cli import main

main()
